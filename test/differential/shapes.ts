import corpus from '../corpus/aws-credentials/corpus.json' with { type: 'json' };

const keys = 'aws_access_key_id = OLD\naws_secret_access_key = OLD\naws_session_token = OLD\n';

/** Files of the shapes that people and tools make, and lines that come into them. */
export const INI = {
  files: [
    ...corpus.cases.filter(({ encoding }) => encoding === 'utf-8').map(({ before }) => before),
    `[default]\n${keys}x_security_token_expires = 2025-01-01T00:00:00Z\nx_principal_arn = arn:aws:sts::1:x\n`,
    `[default]\n${keys}expiration=1764000000000\nregion=eu-west-1\n\n[prod]\n${keys}`,
    `[default]\nregion = eu-west-1\noutput = json\ns3 =\n    max_concurrent_requests = 20\n    addressing_style = path\n${keys}`,
    `# mine\n[a]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n\n[default]\n${keys}\n[b]\nsso_region = x\n`,
    `[default]\naws_access_key_id = OLD\n  region = x\naws_secret_access_key = OLD\n`,
    `[default]\n${keys}[team:prod]\n${keys}[team+dev]\n${keys}`,
    `[DEFAULT]\naws_security_token = OLD\n[default]\n${keys}`,
  ],
  pool: [
    ...[
      '[other]',
      '[other] # c',
      '[other]; c',
      '[ default ]',
      '[default]',
      '[default] ; c',
      '[profile default]',
      '[DEFAULT]',
    ],
    ...[
      'region = x',
      '  region = x',
      '  output = json',
      's3 =',
      '  s3 =',
      '    max = 1',
      '  text',
      '\ttext',
      'k = v ; w',
      'é = ü',
    ],
    ...['aws_access_key_id = OLD', '  aws_access_key_id = OLD', 'AWS_SESSION_TOKEN : OLD', '  aws_session_token = OLD'],
    ...['aws_security_token = OLD', 'expiry_time = 1764000000', 'AWS_CREDENTIAL_EXPIRATION = x', 'expiration = 3600'],
    ...[
      'role_arn = x',
      'sso_region = x',
      'sso_start_url = x',
      'credential_process = /x',
      '# c',
      '; c',
      '  # c',
      'bare',
    ],
  ],
} as const;

const own = 'key = OLD\nsecret = OLD\ntoken = OLD\n';

export const PROGRAM_INI = {
  files: [
    '',
    `[sec]\n${own}`,
    `# mine\n[a]\nb = 1\n\n[sec]\nregion = x\n${own}\n[z]\nkey = theirs\n`,
    `[sec]\nregion=x\nkey=OLD\n[z]\na: b\n`,
    `[z]\nlist =\n    one\n    two\n[sec]\n  key = OLD\n  region = x\n`,
    '[sec]\r\nKEY = OLD\r\nregion = x\r\n',
  ],
  pool: [
    ...['[sec]', '[ sec ]', '[Sec]', '[sec] # c', '[sec] x', '  [sec]', '[z]', '[z] ; c', '  [z]', '[z'],
    ...['key = OLD', '  key = OLD', 'key: OLD', 'KEY=OLD', 'token', 'token =', 'secret = "a" # c', 'key = "open'],
    ...[
      'region = x',
      '  region = x',
      '\ttext',
      '# c',
      '  ; c',
      '',
      ' ',
      'bare',
      'motd = "open',
      'm = <<EOT',
      '= x',
      '!include x',
    ],
  ],
} as const;

export const PROPERTIES = {
  files: [
    '',
    'key=OLD\nsecret=OLD\ntoken=OLD\n',
    '# mine\na = 1\n\nkey: OLD\nsecret OLD\nz=\\\n  long\n',
    'a=1\r\nkey=OLD\r\nregion=x\r\n',
    'key=OLD\nother.key=theirs\nkey=OLDER',
    'path=C:\\\\dir\\\\\n! c\nkey = OLD\n',
  ],
  pool: [
    ...[
      'key=OLD',
      '  key = OLD',
      'key: OLD',
      'key OLD',
      'key',
      'KEY=x',
      'k\\u0065y=OLD',
      'key\\==x',
      'key=OLD\\',
      'secret=\\',
    ],
    ...[
      'region=x',
      'motd = a \\',
      'motd = a \\\\',
      '# c \\',
      '! key=x',
      '',
      ' ',
      '\\',
      'bare',
      '= x',
      ':x',
      'a\\ b=c',
      'u=\\u00e9',
    ],
  ],
} as const;

const ids = 'AWS_ACCESS_KEY_ID=OLD\nAWS_SECRET_ACCESS_KEY=OLD\n';

export const DOTENV = {
  files: [
    '',
    ids,
    `${ids}AWS_SESSION_TOKEN=OLD\nAWS_CREDENTIAL_EXPIRATION=2025-01-01T00:00:00Z\n`,
    `# app\nPORT=80\nNAME="a b"\n\n${ids}LOG='x y'\n`,
    `export PORT=80\nexport AWS_ACCESS_KEY_ID=OLD\nexport AWS_SECRET_ACCESS_KEY='OLD'\n`,
    `set -a\nPORT=80\n${ids}set +a\n`,
    `#!/bin/sh\nPORT=80\n${ids}export PORT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\n`,
    `PORT=80\nAWS_ACCESS_KEY_ID=OLD; export AWS_ACCESS_KEY_ID\nAWS_SECRET_ACCESS_KEY=OLD; export AWS_SECRET_ACCESS_KEY\n`,
    `export PORT=80 HOST=h\nexport AWS_ACCESS_KEY_ID=OLD AWS_SECRET_ACCESS_KEY=OLD\n`,
    `PORT=80\nif [ -n "$PORT" ]; then\n  HOST=h\nfi\nreturn 0\n`,
    `A=1\n\n[section]\nB=2\n  \nC=3\n`,
    `KEY="a\n\nb"\nPORT=80\n${ids}`,
    `PORT=80\r\n${ids.replaceAll('\n', '\r\n')}HOST=h\r\n`,
    'DB_URL=postgres://u:p@h/db?x=1\nJSON={"a":1}\nPATH_LIKE=/a:/b\nHASH=a#b\nDOLLAR=$HOME\n',
    `AWS_SECURITY_TOKEN=OLD\nAWS_SESSION_EXPIRATION=1764000000\n${ids}`,
  ],
  pool: [
    ...[
      'A=b',
      'B="c d"',
      "C='d'",
      'D="',
      '"',
      'E=',
      'F: g',
      'export G=h',
      'H=i j',
      'I=k\\',
      'L=m#n',
      '# c',
      '  # c',
      '; c',
    ],
    ...[
      'bare',
      '[x]',
      'set -a',
      'set +a',
      'export A B',
      'export AWS_ACCESS_KEY_ID',
      'unset A',
      ': "$AWS_ACCESS_KEY_ID"',
    ],
    ...['if :; then', 'fi', '{', '}', 'f() {', 'return 0', 'exit 0', 'true &&', 'cat <<E >/dev/null', 'E', 'A=1 B=2'],
    ...[
      'AWS_ACCESS_KEY_ID=OLD',
      'export AWS_SESSION_TOKEN="OLD"',
      'AWS_SESSION_TOKEN=OLD; A=b',
      'AWS_SESSION_TOKEN=OLD && :',
    ],
    ...[
      'AWS_SESSION_TOKEN=OLD OLD',
      'A=b AWS_SESSION_TOKEN=OLD',
      'AWS_SECURITY_TOKEN=OLD',
      '  AWS_SESSION_TOKEN=OLD # c',
    ],
  ],
} as const;

export const JSON_FILES = {
  files: [
    '{}\n',
    '{\n  "aws": {\n    "id": "OLD",\n    "secret": "OLD",\n    "token": "OLD"\n  },\n  "until": "2025-01-01T00:00:00Z"\n}\n',
    '{"aws":{"id":"OLD"},"a":[1,{"id":"OLD"}],"n":1.0e+2}',
    '{\n\t"Logging": {\n\t\t"Level": "x" // c\n\t},\n\t/* c */\n\t"aws": null,\n\t"b": [1, 2,],\n}\n',
    '\ufeff{\r\n  "aws": {\r\n    "region": "x", // c\r\n    "Expiration": 1764000000\r\n  }\r\n}\r\n',
    '{"auths": {}, "aws": {"expiration": "1h", "id": null}, "until": 1764000000000}',
    '{\n  // c\n}\n',
  ],
  pool: [
    ...['// c', '/* c */', '"x": 1,', '"y": [],', '"aws": {},', '"aws": null,', '"until": "OLD",', '"id": "OLD",'],
    ...[
      '"expiration": "2025-01-01T00:00:00Z",',
      '"\\u0061ws": {"id": 1},',
      '"text": "// no", // yes',
      ',',
      '},',
      'bare',
    ],
  ],
} as const;
