import type { Explanations } from './explain-contract.ts';

/** Configuration, command line, metadata service. Commands stand in backquotes. */
export const OF_CONFIG: Explanations<'CONFIG' | 'USAGE'> = {
  CONFIG_INVALID: {
    means: 'a setting is not what it must be',
    causes: [
      'A key is misspelt, a value is out of range, two settings contradict each other, or a sink names a consumer that is not there.',
      'An environment variable that the AWS SDKs know, such as `AWS_METADATA_SERVICE_TIMEOUT`, has a value that nobody can read.',
      'A sink was named on the command line that the running agent does not keep.',
    ],
    remedies: [
      'Every problem is printed with file, line and column, what was expected and what was found: correct them, then run `credrotate check`.',
      'A running agent goes on with its old configuration until the new one is right: `systemctl reload credrotate`.',
      'All keys are in credrotate.yaml(5); `credrotate config schema` lets an editor check them while you write.',
    ],
  },
  CONFIG_UNREADABLE: {
    means: 'a configuration file cannot be read',
    causes: [
      'There is no file at that path, it is a directory or a FIFO, or this user may not read it.',
      'What is called conf.d beside the configuration is not a directory.',
    ],
    remedies: [
      'Write one with `credrotate init`, or name another with `--config`.',
      'The file holds no secrets: `sudo chmod 644 /etc/credrotate/credrotate.yaml`.',
    ],
  },
  CONFIG_UNSAFE: {
    means: 'somebody else than root could change the configuration',
    causes: [
      'A configuration can run commands as root. So root reads it only where the file and every directory on the way to it belong to root, and nobody else can write there. The same holds for conf.d, for what an exec consumer executes and for the directory of `metrics.textfile`.',
    ],
    remedies: [
      'Look through the file first: others may have written in it.',
      'Then do what the hint says; it names the path, and the command that takes it back.',
    ],
  },
  USAGE: {
    means: 'the command line is wrong',
    causes: ['An option, an argument or a value is not known, is missing, or does not fit the others.'],
    remedies: ['See `credrotate COMMAND --help`.'],
  },
};

export const OF_SOURCE: Explanations<'IMDS' | 'CREDENTIALS'> = {
  IMDS_DISABLED: {
    means: 'the environment forbids to ask the metadata service',
    causes: ['`AWS_EC2_METADATA_DISABLED` is true in the environment that credrotate runs in.'],
    remedies: [
      'Take the variable out: of the shell, of the unit (`systemctl cat credrotate`), or of /etc/environment.',
    ],
  },
  IMDS_NO_ROLE: {
    means: 'the instance has no role',
    causes: [
      'No instance profile is attached, or one without a role in it.',
      'It was attached a moment ago: it can take some minutes to arrive.',
      '`imds.role` or `AWS_EC2_INSTANCE_PROFILE_NAME` names a role that is not the one of this instance.',
    ],
    remedies: [
      'Attach one: `aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=PROFILE`.',
      'Wait for one that is to come: `credrotate once --wait 5m`; the agent waits by itself.',
      'See what there is: `credrotate get meta-data/iam/security-credentials/`.',
    ],
  },
  IMDS_NOT_FOUND: {
    means: 'the metadata service has nothing at that path',
    causes: [
      'The path of `credrotate get` is misspelt, or this instance has no such metadata: user data, for example.',
    ],
    remedies: ['Go down from the top: `credrotate get meta-data/`.'],
  },
  IMDS_DENIED: {
    means: 'the metadata service refuses to give credentials',
    causes: [
      'It answers with a Code other than Success: EC2 may not assume the role, mostly because the trust policy does not name ec2.amazonaws.com, or because the role was deleted and made again.',
      'It answers 403: the metadata service is switched off for this instance.',
      'It takes no notice of its own token: a proxy that drops headers, or an emulator, stands in between.',
    ],
    remedies: [
      'For a Code: correct the trust policy of the role; after a role was made again, detach the profile and attach it anew.',
      'For a 403: `aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled`.',
      'The files keep what they have. See how long that is good: `credrotate status`.',
    ],
  },
  IMDS_UNREACHABLE: {
    means: 'the metadata service does not answer',
    causes: [
      'This is no EC2 instance, or its metadata service is switched off.',
      'A firewall rule, a route or a proxy keeps this user from 169.254.169.254; `credrotate lockdown` of another host, for example.',
      'In a container the answer ends one hop too early.',
      'Too many requests leave this instance for link-local addresses, or EC2 itself is in trouble.',
    ],
    remedies: [
      'Ask it by hand, as the same user: `credrotate get meta-data/instance-id`.',
      'In a container: `aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2`.',
      'Nothing else is needed for a short outage: the agent tries again, and the files stay as they are.',
    ],
  },
  IMDS_THROTTLED: {
    means: 'the metadata service is asked too often',
    causes: ['It answered 429 or 503: programs on this instance send it too many requests, all of them together.'],
    remedies: [
      'Find who asks: `ss -tnp dst 169.254.169.254`.',
      'Raise `refresh.max_interval`, if it was set below its default of 5m.',
    ],
  },
  IMDS_MALFORMED: {
    means: 'what answers is not what the metadata service gives',
    causes: [
      'A captive portal, a proxy or an error page answers at the address of the metadata service.',
      'The answer was cut off, is too large, or lacks a key, a secret, a token or an expiration.',
      'An old emulator does not know IMDSv2.',
    ],
    remedies: [
      'See what comes: `credrotate get meta-data/instance-id`, and whether a variable or `imds.endpoint` leads elsewhere.',
      'For an emulator without IMDSv2: `imds: {v1: allow}`.',
    ],
  },
  IMDS_EXPIRED: {
    means: 'the credentials that came have expired already',
    causes: ['EC2 is late to renew them, or the clock of this host is ahead.'],
    remedies: [
      'Compare the clock: `timedatectl`.',
      'Else wait: the agent asks again, ever more often than once in five minutes.',
    ],
  },
  CREDENTIALS_OLDER: {
    means: 'what came expires sooner than what stands',
    causes: ['The metadata service gave credentials again that it had replaced already.'],
    remedies: [
      'Nothing, unless it lasts: then look at what answers at the metadata endpoint.',
      'If those that stand were revoked: `credrotate refresh --notify-all` once new ones are there.',
    ],
  },
  CREDENTIALS_EXPIRED: {
    means: 'the credentials that were to be used have expired',
    causes: ['`credrotate export` or `credrotate exec` took them from a sink that nobody has kept fresh.'],
    remedies: [
      'See why the sink is old: `credrotate status`.',
      'Or leave out `--from`, which asks the metadata service itself.',
    ],
  },
};
