/**
 * Real daemons that reload, on one machine. Each has a configuration of its own that is `edit`ed, and is shown to be in
 * effect by `proof`, a line of shell that succeeds then.
 */
export interface Daemon {
  readonly unit: string;
  /** Files that it starts with, beside those of its package. */
  readonly files?: Readonly<Record<string, string>>;
  readonly edit: string;
  readonly proof: string;
  /** In the configuration of the agent; left out: a reload by systemd. */
  readonly consumer?: { readonly type: string; readonly pid_file?: string; readonly [key: string]: unknown };
}

const serves = (port: number): string => `curl --silent http://127.0.0.1:${port}/ | grep -q new`;
const listens = (port: number): string => `ss -Hltn 'sport = :${port}' | grep -q .`;
const says = (unit: string, what: string, times = 1): string =>
  `[ "$(journalctl --no-pager --output=cat --unit=${unit} | grep -c "${what}")" -ge ${times} ]`;

const WSGI = `def application(environ, start):
    start('200 OK', [])
    return [b'old']
`;

export const DAEMONS: Readonly<Record<string, Daemon>> = {
  apache2: {
    unit: 'apache2.service',
    files: { '/etc/apache2/ports.conf': 'Listen 8001\n', '/etc/apache2/conf-enabled/t.conf': 'ServerName old\n' },
    edit: 'echo "Listen 8101" >>/etc/apache2/ports.conf',
    proof: listens(8101),
  },
  cron: { unit: 'cron.service', edit: '', proof: 'true', consumer: { type: 'signal', pid_file: '/run/crond.pid' } },
  dnsmasq: {
    unit: 'dnsmasq.service',
    files: { '/etc/dnsmasq.d/t': 'port=5301\nno-resolv\naddn-hosts=/etc/t.hosts\n', '/etc/t.hosts': '10.0.0.1 one\n' },
    edit: 'printf "10.0.0.2 two\\n10.0.0.3 three\\n" >>/etc/t.hosts',
    proof: says('dnsmasq', 'read /etc/t.hosts - 3'),
  },
  dovecot: {
    unit: 'dovecot.service',
    edit: 'echo "verbose_proctitle = yes" >>/etc/dovecot/dovecot.conf',
    proof: says('dovecot', 'SIGHUP received'),
  },
  exim4: {
    unit: 'exim4.service',
    edit: '',
    proof: 'grep -q "SIGHUP received" /var/log/exim4/mainlog',
    consumer: { type: 'signal', pid_file: '/run/exim4/exim.pid' },
  },
  gunicorn: {
    unit: 'gunicorn.service',
    files: {
      '/srv/gunicorn/app.py': WSGI,
      '/etc/systemd/system/gunicorn.service': `[Service]
User=www-data
RuntimeDirectory=gunicorn
WorkingDirectory=/srv/gunicorn
ExecStart=/usr/bin/gunicorn --bind 127.0.0.1:8005 --pid /run/gunicorn/pid app
`,
    },
    edit: 'sed -i s/old/new/ /srv/gunicorn/app.py',
    proof: serves(8005),
    consumer: {
      type: 'signal',
      pid_file: '/run/gunicorn/pid',
      process: { exe: '/usr/bin/python3', user: 'www-data' },
    },
  },
  haproxy: {
    unit: 'haproxy.service',
    files: {
      '/etc/haproxy/haproxy.cfg': `global
  stats socket /run/haproxy/admin.sock mode 660
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend t
  bind 127.0.0.1:8006
  http-request return status 200 content-type text/plain string old
`,
    },
    edit: 'sed -i "s/string old/string new/" /etc/haproxy/haproxy.cfg',
    proof: serves(8006),
  },
  inetd: {
    unit: 'inetd.service',
    files: { '/etc/inetd.conf': '127.0.0.1:8007 stream tcp nowait root /bin/true true\n' },
    edit: 'echo "127.0.0.1:8107 stream tcp nowait root /bin/true true" >>/etc/inetd.conf',
    proof: listens(8107),
  },
  lighttpd: {
    unit: 'lighttpd.service',
    files: { '/etc/lighttpd/lighttpd.conf': 'server.document-root = "/srv"\nserver.port = 8008\n' },
    edit: 'sed -i s/8008/8108/ /etc/lighttpd/lighttpd.conf',
    proof: listens(8108),
  },
  monit: {
    unit: 'monit.service',
    files: { '/etc/monit/conf.d/t': 'set httpd port 8015 and use address 127.0.0.1 allow 127.0.0.1\n' },
    edit: 'sed -i s/8015/8115/ /etc/monit/conf.d/t',
    proof: listens(8115),
    consumer: { type: 'signal', pid_file: '/run/monit.pid' },
  },
  mosquitto: {
    unit: 'mosquitto.service',
    edit: '',
    proof: 'grep -qi "reloading config" /var/log/mosquitto/mosquitto.log',
  },
  named: {
    unit: 'named.service',
    files: {
      '/etc/bind/named.conf.options':
        'options { directory "/var/cache/bind"; listen-on port 5302 { any; }; listen-on-v6 { none; }; };\n',
    },
    edit: 'sed -i s/5302/5402/ /etc/bind/named.conf.options',
    proof: listens(5402),
  },
  nginx: {
    unit: 'nginx.service',
    files: {
      '/etc/nginx/nginx.conf': 'pid /run/nginx.pid;\nevents {}\nhttp { include /etc/nginx/conf.d/*.conf; }\n',
      '/etc/nginx/conf.d/t.conf': 'server { listen 8009; return 200 old; }\n',
    },
    edit: 'sed -i s/old/new/ /etc/nginx/conf.d/t.conf',
    proof: serves(8009),
    consumer: { type: 'signal', pid_file: '/run/nginx.pid', process: { exe: '/usr/sbin/nginx' } },
  },
  'php-fpm': {
    unit: 'php8.2-fpm.service',
    files: {
      '/etc/php/8.2/fpm/pool.d/zz.conf': '[www]\nenv[T] = old\n',
      '/var/www/t.php': '<?php echo getenv("T");\n',
    },
    edit: 'sed -i s/old/new/ /etc/php/8.2/fpm/pool.d/zz.conf',
    proof:
      'env -i REQUEST_METHOD=GET SCRIPT_FILENAME=/var/www/t.php cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | grep -q new',
  },
  postgresql: {
    unit: 'postgresql@15-main.service',
    edit: `echo "work_mem = '5678kB'" >>/etc/postgresql/15/main/postgresql.conf`,
    proof: 'runuser -u postgres -- psql -Atc "show work_mem" | grep -q 5678kB',
  },
  prometheus: {
    unit: 'prometheus.service',
    edit: 'sed -i "s/scrape_interval:.*/scrape_interval: 61s/" /etc/prometheus/prometheus.yml',
    proof: 'curl --silent http://127.0.0.1:9090/api/v1/status/config | grep -q "scrape_interval: 1m1s"',
  },
  rsyslog: {
    unit: 'rsyslog.service',
    edit: 'mv /var/log/syslog /var/log/syslog.1',
    proof: 'logger again; grep -q again /var/log/syslog',
    consumer: { type: 'signal', process: { exe: '/usr/sbin/rsyslogd', user: 'root' } },
  },
  runit: {
    unit: 'runit-test.service',
    files: {
      '/etc/sv-test/t/run': '#!/bin/sh\ntrap "echo new >/run/runit-notified" HUP\nwhile :; do sleep 1; done\n',
      '/etc/systemd/system/runit-test.service': '[Service]\nExecStart=/usr/bin/runsvdir -P /etc/sv-test\n',
    },
    edit: '',
    proof: 'grep -q new /run/runit-notified',
    consumer: { type: 'exec', command: ['/usr/bin/sv', 'hup', '/etc/sv-test/t'] },
  },
  squid: { unit: 'squid.service', edit: '', proof: 'grep -q "Reconfiguring Squid" /var/log/squid/cache.log' },
  ssh: {
    unit: 'ssh.service',
    files: { '/etc/ssh/sshd_config.d/t.conf': 'Port 8013\n' },
    edit: 'sed -i s/8013/8113/ /etc/ssh/sshd_config.d/t.conf',
    proof: listens(8113),
  },
  supervisor: {
    unit: 'supervisor.service',
    edit: 'printf "[program:new]\\ncommand=/bin/sleep 1000\\n" >/etc/supervisor/conf.d/new.conf',
    proof: 'supervisorctl status new | grep -q RUNNING',
  },
  tor: { unit: 'tor@default.service', edit: '', proof: says('tor@default', 'Received reload signal') },
  unbound: {
    unit: 'unbound.service',
    files: { '/etc/unbound/unbound.conf.d/t.conf': 'server:\n  port: 5303\n' },
    edit: 'sed -i s/5303/5403/ /etc/unbound/unbound.conf.d/t.conf',
    proof: `ss -Hlun 'sport = :5403' | grep -q .`,
  },
  uwsgi: {
    unit: 'uwsgi-test.service',
    files: {
      '/srv/uwsgi/app.py': WSGI,
      '/etc/systemd/system/uwsgi-test.service': `[Service]
User=www-data
ExecStart=/usr/bin/uwsgi --master --plugin python3 --http-socket 127.0.0.1:8014 --wsgi-file /srv/uwsgi/app.py
`,
    },
    edit: 'sed -i s/old/new/ /srv/uwsgi/app.py',
    proof: serves(8014),
    consumer: { type: 'systemd', unit: 'uwsgi-test.service', action: 'kill' },
  },
  vsftpd: {
    unit: 'vsftpd.service',
    files: { '/etc/vsftpd.conf': 'listen=YES\nftpd_banner=old\n' },
    edit: 'sed -i s/old/new/ /etc/vsftpd.conf',
    proof: `bash -c 'exec 3<>/dev/tcp/127.0.0.1/21; read -r line <&3; [[ $line == *new* ]]'`,
  },
};
