import { spawnSync } from 'node:child_process';
import { mkdtempDisposableSync } from 'node:fs';
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
