import { spawnSync } from 'node:child_process';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reader, Seen } from './differential.ts';

/** Debian's, which has the packages that the tests install, before another one on the way. */
const PATH = `/usr/bin:/bin:${process.env['PATH'] ?? ''}`;

/** Each program is given a path to write each file to, reads all files as JSON, and prints what it sees of each as JSON. */
function ask(program: string, args: readonly string[], files: readonly string[]): readonly Seen[] {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'credrotate-reader-'));
  const { stdout, stderr, status } = spawnSync(program, [...args, join(directory.path, 'file')], {
    input: JSON.stringify(files),
    encoding: 'utf8',
    env: { PATH, LC_ALL: 'C.UTF-8' },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program}: expected exit code 0, got ${String(status)}: ${stderr}`);
  const seen = JSON.parse(stdout) as readonly (Seen | null)[];
  return seen.map((one) => one ?? undefined);
}

const byPython = (body: string): Reader['read'] => {
  const script = `
import json, os, subprocess, sys
path = sys.argv[1]
def flat(value, at):
    if not isinstance(value, dict): return {at: value}
    return {key: one for name, inner in value.items() for key, one in flat(inner, at + "." + name if at else name).items()}
${body}
def seen(text):
    with open(path, "w", newline="") as file: file.write(text)
    try: return read(text)
    except Exception: return None
json.dump([seen(text) for text in json.load(sys.stdin)], sys.stdout)
`;
  return (files) => ask('python3', ['-c', script], files);
};

const byRuby = (body: string): Reader['read'] => {
  const script = `
require 'json'
${body}
path = ARGV[0]
puts JSON.dump(JSON.parse($stdin.read).map { |text| File.write(path, text); begin; see(path); rescue Exception; nil; end })
`;
  return (files) => ask('ruby', ['-e', script], files);
};

/** botocore takes the older name of the token before ours. */
export const botocore: Reader = {
  name: 'botocore',
  excused: /^(moved the comment after the header|removed the blanks around the name)|Python readers (reject|inherit)/,
  read: byPython(`
from botocore.configloader import raw_config_parse
import configparser
def read(text):
    sections = raw_config_parse(path)
    parser = configparser.RawConfigParser()
    parser.read([path])
    for name, keys in sections.items():
        if "aws_security_token" in keys: keys["aws_session_token"] = keys["aws_security_token"]
        for key in [key for key in keys if key in parser.defaults() and not key.startswith("aws_")]: del keys[key]
    return flat(sections, "")`),
};

/** Python's own, which judges the whole file, and knows keys in one case. */
export const configparser: Reader = {
  name: 'configparser',
  excused: /a section of this name in another case/,
  read: byPython(`
import configparser
def read(text):
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read_string(text)
    return flat({name: dict(keys) for name, keys in parser._sections.items()}, "")`),
};

/** goconfig's rules, as rclone has them. */
export const rclone: Reader = {
  name: 'rclone',
  excused: /^removed the blanks around the name/,
  read: byPython(`
def read(text):
    environment = {"PATH": os.environ["PATH"], "HOME": os.path.dirname(path)}
    command = ["rclone", "config", "dump", "--config", path, "--ask-password=false"]
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    return flat(json.loads(result.stdout), "") if result.returncode == 0 else None`),
};

const byPhp =
  (mode: string): Reader['read'] =>
  (files) => {
    const script = `
foreach (json_decode(stream_get_contents(STDIN)) as $text) {
  $values = @parse_ini_string($text, true, INI_SCANNER_${mode});
  $flat = [];
  foreach ($values ?: [] as $name => $one) {
    if (!is_array($one)) $flat[".$name"] = $one;
    else foreach ($one as $key => $value) $flat["$name.$key"] = is_array($value) ? json_encode($value) : $value;
  }
  $seen[] = $values === false ? null : (object) $flat;
}
echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE);`;
    return ask('php', ['-d', 'display_errors=stderr', '-r', script, '--'], files);
  };

export const phpNormal: Reader = {
  name: 'PHP',
  excused: /^removed the blanks around the name/,
  read: byPhp('NORMAL'),
};
export const phpRaw: Reader = {
  name: 'PHP, INI_SCANNER_RAW',
  excused: /^removed the blanks around the name/,
  read: byPhp('RAW'),
};

const JAVA = `
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

class Seen {
  static String encoded(String text) {
    return " ." + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  public static void main(String[] args) throws Exception {
    BufferedReader files = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = files.readLine()) != null;) {
      StringBuilder seen = new StringBuilder();
      try {
        Properties properties = new Properties();
        byte[] bytes = Base64.getDecoder().decode(line);
        if (args[0].equals("stream")) properties.load(new ByteArrayInputStream(bytes));
        else properties.load(new StringReader(new String(bytes, StandardCharsets.UTF_8)));
        for (String name : properties.stringPropertyNames())
          seen.append(encoded(name)).append(encoded(properties.getProperty(name)));
      } catch (IllegalArgumentException error) {
        seen.append("rejected");
      }
      System.out.println(seen);
    }
  }
}
`;

const byJava =
  (from: 'stream' | 'reader'): Reader['read'] =>
  (files) => {
    using directory = mkdtempDisposableSync(join(tmpdir(), 'credrotate-reader-'));
    const source = join(directory.path, 'Seen.java');
    writeFileSync(source, JAVA);
    const input = files.map((text) => `${Buffer.from(text).toString('base64')}\n`).join('');
    const { stdout, stderr, status } = spawnSync('java', [source, from], { input, encoding: 'utf8', env: { PATH } });
    if (status !== 0) throw new Error(`java: expected exit code 0, got ${String(status)}: ${stderr}`);
    return stdout.split('\n').slice(0, -1).map(javaSeen);
  };

function javaSeen(line: string): Seen {
  if (line === 'rejected') return undefined;
  const text = (word = ''): string => Buffer.from(word, 'base64').toString();
  return Object.fromEntries(
    [...line.matchAll(/ \.(\S*) \.(\S*)/g)].map(([, name, value]) => [text(name), text(value)]),
  );
}

export const javaStream: Reader = { name: 'Java, load(InputStream)', read: byJava('stream') };
export const javaReader: Reader = { name: 'Java, load(Reader)', read: byJava('reader') };

export const rubySdk: Reader = {
  name: 'AWS SDK for Ruby',
  excused:
    /a section that most readers do not take|^(moved the comment after the header|removed the blanks around the name)|is indented/,
  read: byRuby(`
require 'aws-sdk-core'
def flat(value, at) = value.is_a?(Hash) ? value.map { |name, one| flat(one, [at, name].reject(&:empty?).join('.')) }.reduce({}, :merge) : { at => value }
def see(path) = flat(Aws::IniParser.ini_parse(File.read(path)), '')`),
};

/** Of all variables that the file may set, and of those that a child gets, as \`NAME\` and \`child.NAME\`. */
export const sh: Reader = {
  name: 'sh',
  excused: /: not exported, as others of ours are/,
  read: byPython(`
import re
def read(text):
    names = sorted(set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text)) - {"PATH", "PWD", "OLDPWD", "_", "IFS", "PS1", "PS2", "PS4", "OPTIND", "PPID"})
    shown = "".join("printf '%s=%s\\\\0' " + n + " \\"\${" + n + "-}\\"; " for n in names)
    script = "trap '" + shown.replace("'", "'\\\\''") + "printf END; /usr/bin/env -0' EXIT; . " + path + " >/dev/null 2>&1"
    result = subprocess.run(["dash", "-c", script], env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    own, end, child = result.stdout.decode("utf8", "replace").partition("\\0END")
    if not end or result.returncode == 2: return None
    values = {n: v for n, _, v in (one.partition("=") for one in own.split("\\0")) if v != ""}
    return values | {"child." + n: v for n, _, v in (one.partition("=") for one in child.split("\\0")) if n in values}`),
};

const GENERATOR = '/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator';

/**
 * The parser of EnvironmentFile=, in the one program of systemd that needs no manager. Beyond that parser it expands
 * variables, so that of values with a `$` it is not asked.
 */
export const systemd: Reader = {
  name: 'systemd',
  excused: /kept "export"|^line \d+: not exported/,
  read: byPython(`
import shlex
home = os.path.dirname(path)
os.makedirs(home + "/environment.d", exist_ok=True)
def read(text):
    with open(home + "/environment.d/file.conf", "w", newline="") as file: file.write(text)
    result = subprocess.run(["${GENERATOR}"], env={"XDG_CONFIG_HOME": home, "PATH": "/usr/bin:/bin"}, capture_output=True, timeout=20)
    if result.returncode != 0: return None
    ours = [line for line in result.stdout.decode("utf8", "replace").split("\\n") if not line.startswith("QT_")]
    words = shlex.split("\\n".join(ours))
    return {name: value for name, _, value in (word.partition("=") for word in words) if "$" not in text or name.startswith("AWS_")}`),
};

export const pythonDotenv: Reader = {
  name: 'python-dotenv',
  read: byPython(`
import logging
from dotenv import dotenv_values
logging.disable()
def read(text):
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}`),
};

export const rubyDotenv: Reader = {
  name: 'ruby dotenv',
  read: byRuby(`
require 'dotenv'
def see(path) = Dotenv::Environment.new(path, true).to_h`),
};

export const pythonJson: Reader = {
  name: 'Python json',
  read: byPython(`
def read(text):
    with open(path, encoding="utf8") as file: value = json.load(file)
    return {at: json.dumps(one, ensure_ascii=False) for at, one in flat(value, "").items()}`),
};
