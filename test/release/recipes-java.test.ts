import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openSite } from '../support/agent.ts';
import { hasTool } from '../support/tools.ts';

/** Prints a properties file, and the environment entries of a Tomcat context, as `name=value`. */
const READS = `
import java.io.*;
import java.util.Properties;
import org.apache.tomcat.util.digester.*;
import org.xml.sax.Attributes;

class Reads {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (Reader reader = new FileReader(args[0])) { properties.load(reader); }
    for (String name : new String[] { "id", "secret", "token" }) System.out.println(name + "=" + properties.getProperty(name));
    Digester digester = new Digester();
    digester.addRule("Context/Environment", new Rule() {
      @Override public void begin(String namespace, String name, Attributes attributes) {
        System.out.println(attributes.getValue("name") + "=" + attributes.getValue("value"));
      }
    });
    digester.parse(new File(args[1]));
  }
}
`;

const CONTEXT = `<Context>
  <Environment name="id" type="java.lang.String" value="{{ access_key_id }}"/>
  <Environment name="secret" type="java.lang.String" value='{{ secret_access_key }}'/>
  <Environment name="token" type="java.lang.String" value="{{ session_token }}"/>
</Context>
`;

test('a Java program reads its properties, and the digester of Tomcat a context, also after a rotation', async (t) => {
  if (!hasTool('java')) {
    t.skip('needs java: neither of them is tried');
    return;
  }
  const version = (command: string, ...args: readonly string[]): string => {
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    return (stdout + stderr).trim().split('\n')[0] ?? '';
  };
  t.diagnostic(version('java', '-version'));
  t.diagnostic(`Tomcat ${version('dpkg-query', '--show', '--showformat=${Version}', 'libtomcat9-java')}`);
  const site = await openSite(t);
  const [properties, context, program] = ['app.properties', 'context.xml', 'Reads.java'].map(site.path);
  writeFileSync(properties ?? '', '# mine\nserver.port = 8080\nid = old\n');
  writeFileSync(program ?? '', READS);
  const keys = { access_key_id: 'id', secret_access_key: 'secret', session_token: 'token' };
  const config = site.configure({
    sinks: [
      { path: properties, format: 'properties', keys },
      { path: context, format: 'template', escape: 'xml', template: CONTEXT },
    ],
  });
  for (let rotation = 1; rotation <= 2; rotation++) {
    assert.equal((await site.run(['once', ...config])).code, 0);
    const { accessKeyId, secretAccessKey, token } = site.metadata.current();
    const { stdout, stderr } = spawnSync(
      'java',
      ['-cp', '/usr/share/java/*', program ?? '', properties ?? '', context ?? ''],
      { encoding: 'utf8' },
    );
    const printed = `id=${accessKeyId}\nsecret=${secretAccessKey}\ntoken=${token}\n`;
    assert.equal(stdout, printed + printed, stderr);
    site.metadata.rotate();
  }
});
