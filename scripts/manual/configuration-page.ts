import { bold, entry, escape, page, paragraphs, prose, section, subsection, verbatim } from './roff.ts';
import type { Setting, Settings } from './settings.ts';

/** credrotate.yaml(5). */
export function configurationPage(sections: readonly Settings[], version: string): string {
  const [top, ...others] = sections;
  return page('credrotate.yaml', 5, version, [
    ...section('NAME', 'credrotate.yaml \\- configuration of credrotate'),
    ...section('SYNOPSIS', '.I /etc/credrotate/credrotate.yaml', '.br', '.I /etc/credrotate/conf.d/*.yaml'),
    ...section('DESCRIPTION', ...paragraphs(...DESCRIPTION)),
    ...section('SETTINGS', ...settings(top?.settings ?? [])),
    ...others.flatMap(({ title, settings: inner }) => subsection(title, ...settings(inner))),
    ...section('EXAMPLE', ...verbatim(EXAMPLE)),
    ...paragraphs('/usr/share/credrotate/credrotate.yaml is an example that shows every setting with its default.'),
    ...section('SEE ALSO', '.BR credrotate (8),', '.BR systemd.unit (5),', '.BR signal (7),', '.BR crontab (5)'),
  ]);
}

function settings(list: readonly Setting[]): string[] {
  return list.flatMap(({ name, expected, description, standard, isRequired }) => {
    const notes = [
      expected,
      ...(isRequired ? ['required'] : []),
      ...(standard === undefined ? [] : [`default: ${standard === '' ? 'empty' : standard}`]),
    ];
    return entry(bold(name), `\\fI${escape(notes.join('; '))}\\fR`, prose(description));
  });
}

export const DESCRIPTION = [
  'The file is YAML: keys and values, lists, no anchors and no tags. If /etc/credrotate/credrotate.yaml exists, it is read ' +
    'first, then /etc/credrotate/conf.d/*.yaml in name order. Lists join, and so do consumers, each of which is defined once; of another ' +
    'setting the last file counts. A file with only `sinks` is complete; everything else has a default.',
  'Unknown keys, two sinks for one part of a file, and unknown consumers are errors. `credrotate check` reports ' +
    'all of them at once, each with its line, what was expected and what to do. `credrotate config schema` prints a ' +
    'JSON Schema for editors.',
  'Durations are written as 90s, 5m, 2h30m or 500ms. A mode is octal however it is written: 0640, "0640" and 640 are ' +
    'the same. Users and groups are names or numbers.',
  'The file holds no secrets, and everybody may read it. It can make root run commands, so as root credrotate refuses ' +
    'to read it if another user could change it or a directory of its path.',
  'A running agent reads it again on SIGHUP: `systemctl reload credrotate`.',
];

/** A test loads it. */
export const EXAMPLE = `sinks:
  - path: /etc/myapp/credentials
    format: aws-credentials
    group: myapp
    mode: 0640
    notify: [myapp]
  - path: /var/lib/legacy/iam.json
    format: json
    owner: legacy
    notify: [legacy]
consumers:
  myapp:
    type: systemd
    unit: myapp.service
  legacy:
    type: signal
    signal: SIGHUP
    pid_file: /run/legacy.pid
refresh:
  max_interval: 5m
`;
