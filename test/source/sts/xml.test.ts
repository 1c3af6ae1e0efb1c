import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readLeaves } from '../../../src/source/sts/xml.ts';

const read = (text: string): Record<string, string> | undefined => {
  const leaves = readLeaves(Buffer.from(text));
  return leaves && Object.fromEntries(leaves);
};

describe('the XML of answers', () => {
  const good: readonly [text: string, leaves: Record<string, string>][] = [
    ['<a/>', { a: '' }],
    ['<a></a>', { a: '' }],
    [
      '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="https://x/">\n <b>1</b><c>2</c ></a>\n',
      { 'a/b': '1', 'a/c': '2' },
    ],
    ['<a><b><c> x </c></b><d/></a>', { 'a/b/c': ' x ', 'a/d': '' }],
    ['<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x41;&#x1F600;</a>', { a: '<>&"\'AA😀' }],
    ['<a>&amp;lt;</a>', { a: '&lt;' }],
    ['<a x = "1" y=\'>\'>b</a>', { a: 'b' }],
  ];
  for (const [text, leaves] of good) {
    test(`is read: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(read(text), leaves);
    });
  }

  const bad: Readonly<Record<string, string>> = {
    'a DTD': '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    'a DTD after the declaration': '<?xml version="1.0"?><!DOCTYPE a><a/>',
    'an entity of its own': '<a>&x;</a>',
    'an entity named like a part of JavaScript': '<a>&constructor;</a>',
    'an entity without an end': '<a>&amp</a>',
    'a bare ampersand': '<a>b & c</a>',
    'a number that is no character': '<a>&#x110000;</a>',
    'an empty number': '<a>&#;</a>',
    'a comment': '<a><!-- b --></a>',
    CDATA: '<a><![CDATA[b]]></a>',
    'an instruction': '<a><?b c?></a>',
    'text beside elements': '<a>x<b/></a>',
    'text around': '<a/>x',
    'two documents': '<a/><b/>',
    'an element twice': '<a><b>1</b><b>2</b></a>',
    'an end that is missing': '<a><b></b>',
    'an end too many': '<a/></a>',
    'another end': '<a><b></a></b>',
    'an attribute without quotes': '<a b=c/>',
    'half a tag': '<a',
    nothing: '',
    JSON: '{"AssumeRoleResponse":{}}',
    'great depth': '<a>'.repeat(20) + '</a>'.repeat(20),
  };
  for (const [what, text] of Object.entries(bad)) {
    test(`is refused: ${what}`, () => {
      assert.equal(read(text), undefined);
    });
  }

  test('is refused in other bytes than UTF-8', () => {
    assert.equal(readLeaves(Buffer.from('<a>\xe4</a>', 'latin1')), undefined);
  });

  // With a step for each pair of characters this would take minutes.
  test('is read in linear time, whatever it is', () => {
    for (const part of [' ', ' b="c"', '&', '<b>']) {
      assert.equal(readLeaves(Buffer.from(`<a${part.repeat(300_000)}`)), undefined);
      assert.equal(readLeaves(Buffer.from(`<a>${part.repeat(300_000)}`)), undefined);
    }
  });
});
