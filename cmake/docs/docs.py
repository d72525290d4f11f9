"""Part of ./run docs: makes build/docs/html, the reference, by Doxygen.

Comments are written for people who read headers, so Doxygen is given copies of the headers in build/docs/input in which
every comment is spelled as Doxygen wants it: formulas and names as code, nothing that it could take for a command, HTML
or Markdown. The groups are the rows of README.md's table of headers. What comes out is then checked: every public
header is in exactly one group, and no comment has lost or changed a character.
"""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / 'build' / 'docs'
DEBIAN_13 = (1, 9, 8)  # its Doxygen: with older ones warnings are shown, but are no errors


def fail(message):
    sys.exit(f'run: {message}')


# Headers and groups ---------------------------------------------------------------------------------------------------


class Group:
    def __init__(self, id, title, brief, headers):
        self.id, self.title, self.brief, self.headers = id, title, brief, headers


def public_headers():
    """The headers of the rooms that are installed, in CMakeLists.txt's order."""
    text = (ROOT / 'CMakeLists.txt').read_text(encoding='utf-8')
    rooms = ' '.join(re.findall(r'^set\((?:core|train)_rooms ([^)]*)\)', text, re.M)).split()
    if not rooms:
        fail('CMakeLists.txt sets no core_rooms and train_rooms')
    return [path.relative_to(ROOT).as_posix() for room in rooms for path in sorted((ROOT / room).glob('*.h'))]


def table_rows(readme):
    """The rows of README.md's table of headers: (the line, its headers as they stand there, what is in them)."""
    rows, inside = [], False
    for line in readme.splitlines():
        if inside and not line.startswith('|'):
            break
        if inside and not line.startswith('|---'):
            names, what = (cell.strip() for cell in line.strip('|').split('|', 1))
            rows.append((line, re.findall('`([^`]+)`', names), what))
        inside = inside or line.startswith('| header |')
    if not rows:
        fail('README.md has no table that begins with "| header |"')
    return rows


def make_groups(readme, headers):
    """The table's rows and, behind a layer's last row, the headers of that layer that the table does not name."""
    groups, named = [], {}
    for line, names, what in table_rows(readme):
        chosen = []
        for name in names:
            found = [header for header in headers if header == name or name.endswith('/') and header.startswith(name)]
            if not found:
                fail(f'README.md: {name} is in the table of headers and is no public header; public ones lie in the '
                     'core_rooms and train_rooms of CMakeLists.txt')
            for header in found:
                if header in named:
                    fail(f'README.md: {header} is in two rows of the table of headers: "{named[header]}" and "{what}"')
                named[header] = what
            chosen += found
        id = re.sub(r'\W+', '_', names[0].removesuffix('.h')).strip('_')
        groups.append(Group(id, ', '.join(names), what, chosen))
    for layer in dict.fromkeys(header.split('/')[0] for header in headers):
        rest = [header for header in headers if header.split('/')[0] == layer and header not in named]
        if rest:
            last = max((i for i, group in enumerate(groups) if group.headers[0].startswith(layer + '/')),
                       default=len(groups) - 1)
            groups.insert(last + 1, Group(layer + '_others', f'{layer}: other headers',
                                          ', '.join(f'`{header}`' for header in rest), rest))
    return groups


# Comments -------------------------------------------------------------------------------------------------------------

# What of a comment is a formula or a name, and so code, is seen by its characters and its neighbours. Where that errs,
# words are in the wrong type, no more; what prose may hold beside letters and digits is escaped.
OPERATOR = re.compile(r'([-+*/|<>=^~!]+|->)$')
FUNCTION = re.compile(r'(sum|log|exp|sqrt|tanh|sigmoid|softmax|max|min|dt)$')
NUMBER = re.compile(r'-?[\d.]*\d(e-?\d+)?$')
CODE = re.compile(r"""
    .*[][{}<>=+*/^_|\\~@\#$&`]       # what prose has no use for
  | .*\w:+\w | .*\w\( | .*\w\.\w     # names, calls, paths
  | -\w  | --\w                      # -x; an option
  | \.\.+(\w|$) | \w+\.\.            # ..., 0..t
  | [b-zB-HJ-Z]'?$                   # a letter that is no word
  | [a-z]+\d+$                       # float32
""", re.X)
PROSE = re.compile(r'([A-Z]?[\d.]+|e\.g|i\.e|I/O)$')  # section 3.2
OPEN, CLOSE = '([{', ')]}'


def unmatched(text):
    """How many brackets close and how many open in a text without their partner; [0, 1) is a pair."""
    closing = opening = 0
    for c in text:
        if c in OPEN:
            opening += 1
        elif c in CLOSE and opening:
            opening -= 1
        elif c in CLOSE:
            closing += 1
    return closing, opening


class Word:
    """A word of a comment: what stands before it, itself, what follows, and whether it is code."""

    def __init__(self, text, before=None, after=None):
        self.literal = before is not None  # it stands in backticks
        self.core, self.before, self.after, self.code = text, before or '', after or '', self.literal
        self.enclosed = False
        if self.literal:
            return
        while len(self.core) > 1 and self.core[-1] in '.,;:"?!' and not self.core.endswith('..'):
            self._take_from_end()
        self.enclosed = bool(re.match(r'\(.*\)$', self.core)) and unmatched(self.core[1:-1]) == (0, 0)
        if self.enclosed:
            self._take_from_end()
        # A bracket that has its partner within the word belongs to it.
        while len(self.core) > 1 and (self.core[-1] in '.,;:"?!' and not self.core.endswith('..') or
                                      self.core[-1] == ')' and unmatched(self.core)[0]):
            self._take_from_end()
        while len(self.core) > 1 and (self.core[0] == '"' or self.core[0] == '(' and unmatched(self.core)[1]):
            self.before, self.core = self.before + self.core[0], self.core[1:]
        if self.core.endswith("'s"):
            self.core, self.after = self.core[:-2], "'s" + self.after
        self.code = bool(CODE.match(self.core) or OPERATOR.match(self.core)) and not PROSE.match(self.core)

    def _take_from_end(self):
        self.core, self.after = self.core[:-1], self.core[-1] + self.after

    def text(self):
        return self.before + self.core + self.after

    def goes_on(self, following):
        """Whether the next word may be of the same formula."""
        if self.literal or following.literal or re.search("[.,;:\"]|'s", self.after):
            return False
        return '(' not in following.before or not following.enclosed and bool(
            OPERATOR.match(self.core) or FUNCTION.match(self.core) or len(self.core) <= 2)


def mark_formulas(words):
    """Which words are code: what looks so, operands of operators, and letters, numbers and functions beside them."""
    code = [word.code for word in words]
    pairs = [(i, i + 1) for i in range(len(words) - 1) if words[i].goes_on(words[i + 1])]
    for i, j in pairs:
        if OPERATOR.match(words[i].core) and not re.match('->|~', words[i].core):
            code[j] = True
        if OPERATOR.match(words[j].core) and not re.match('->|~', words[j].core):
            code[i] = True
    for i, j in reversed(pairs):  # what stands before code
        near = words[i].core
        letter = near == 'a' and (i == 0 or j + 1 < len(words) and OPERATOR.match(words[j + 1].core))  # no article
        if code[j] and ')' not in words[i].after:
            code[i] |= bool(near in '?:' or NUMBER.match(near) or FUNCTION.match(near) or letter)
    for i, j in pairs:  # what stands behind it
        near = words[j].core
        if code[i] and (near in '?:' or NUMBER.match(near) and not words[j].before or near == 'dt' or
                        near == 'a' and words[i].core in '?:'):
            code[j] = True
    return code


def spans_of(words, code):
    """The words one by one, but what belongs to one formula together."""
    spans, i = [], 0
    while i < len(words):
        last = i
        if code[i] and not words[i].literal:
            while last + 1 < len(words):
                inside = unmatched(' '.join(word.text() for word in words[i:last + 1])[len(words[i].before):])[1]
                if not (inside and last - i < 14 or code[last + 1] and words[last].goes_on(words[last + 1])):
                    break
                last += 1
        spans.append(words[i:last + 1])
        i = last + 1
    return spans


def plain(text):
    return re.sub(r'([%\\@&#<>*_`|~])', r'\\\1', text).replace('"', '&quot;')  # Doxygen reads nothing between quotes


def as_code(text):
    """Code, in which file:line is no address of the web to Doxygen either."""
    if 'file:' not in text:
        return f'``{text}``'
    return f'<code>{plain(text)}</code>'.replace('file:', 'file</code><code>:')


def spelled(text):
    """A paragraph as Doxygen wants it: its first sentence and the rest."""
    words = []
    for piece in re.findall(r'[^\s`]*`[^`]+`[^\s`]*|\S+', text):
        literal = re.match('([^`]*)`(.+)`([^`]*)$', piece)
        words.append(Word(literal[2], literal[1], literal[3]) if literal else Word(piece))
    code = mark_formulas(words)
    spans = spans_of(words, code)
    said, i, begins, first_end = [], 0, True, None
    for span in spans:
        before, after = span[0].before, span[-1].after
        if code[i]:
            inner = ' '.join(w.text() for w in span)[len(before):]
            inner = inner[:len(inner) - len(after)] if after else inner
            # Brackets that close within are the formula's own.
            while before and before[-1] in OPEN and unmatched(inner)[0]:
                inner, before = before[-1] + inner, before[:-1]
            while after and after[0] in CLOSE and unmatched(inner)[1]:
                inner, after = inner + after[0], after[1:]
            said.append(plain(before) + as_code(inner) + plain(after))
        else:
            word = span[0].core
            author = i + 1 < len(words) and words[i + 1].core == 'et'
            if (begins or author) and re.match('[A-Z][a-z]+$', word):
                word = '%' + word  # no class
            else:
                word = plain(word)
            said.append(plain(before) + word + plain(after))
        i += len(span)
        begins = after.endswith(('.', ':', '?'))
        if first_end is None and after.endswith('.') and not span[-1].core in ('al', 'eq', 'e.g'):
            first_end = len(said)
    first_end = first_end or len(said)
    return ' '.join(said[:first_end]), ' '.join(said[first_end:])


def paragraphs(lines):
    """Comment lines as (is preformatted, lines) pairs."""
    parts = []
    for line in lines:
        if not line.strip():
            parts.append((None, []))
        elif line.startswith('  '):
            if not parts or parts[-1][0] is not True:
                parts.append((True, []))
            parts[-1][1].append(line)
        else:
            if not parts or parts[-1][0] is not False:
                parts.append((False, []))
            parts[-1][1].append(line)
    return [part for part in parts if part[0] is not None]


def comment(lines, indent='', mark='///', brief='first'):
    """Doxygen's form of a comment. What lists show of it is its first sentence, or 'all' of its one paragraph, or
    None. Doxygen takes it for a paragraph; style.css joins it to the rest, and knows by it where there is more."""
    out, parts = [], paragraphs(lines)
    for number, (preformatted, part) in enumerate(parts):
        if preformatted:
            margin = min(len(line) - len(line.lstrip()) for line in part)
            language = 'cpp' if any(re.search(r';( *//.*)?$', line) for line in part) else 'unparsed'
            out += ['@code{.%s}' % language, *(line[margin:] for line in part), '@endcode', '']
            continue
        first, rest = spelled(' '.join(part))
        if number > 0 or not brief:
            out += [f'{first} {rest}'.strip(), '']
        elif rest and not (brief == 'all' and len(parts) == 1):
            out += [f'@brief <span class="brief joined">{first}</span>', '', rest, '']
        elif len(parts) > 1:
            out += [f'@brief <span class="brief">{first}</span>', '']
        else:
            out += [f'@brief {first} {rest}'.strip(), '']
    return [f'{indent}{mark} {line}'.rstrip() for line in out[:-1]]


# Headers as Doxygen reads them ----------------------------------------------------------------------------------------


class Header:
    """A public header: its lines as Doxygen is to read them, its comments, and what it says of itself as a whole."""

    def __init__(self, path, group):
        self.comments, self.about = [], []
        includes, namespace, body, inside, said = [], '', [], False, []
        for line in (ROOT / path).read_text(encoding='utf-8').splitlines():
            if inside and line.startswith('}  // namespace gaze'):
                inside = False
            elif inside:
                body.append(line)
            elif re.match(r'namespace gaze\b.*\{$', line):
                self.about, namespace, inside, said = self.about + said, line, True, []
            elif line.startswith('//'):
                said.append(re.sub('^///? ?', '', line))
            else:  # what is in other namespaces is how gaze serves them
                includes += [line] * line.startswith('#')
                said = []
        if not namespace:
            fail(f'{path} has no line "namespace gaze {{", so that the reference has nothing to show of it')
        self.comments += [self.about] if self.about else []
        self.lines = ['/// @file', f'/// @ingroup {group.id}', *comment(self.about), '', *includes, namespace,
                      f'/// @addtogroup {group.id}', '/// @{', *self._translated(body), '/// @}', '}']

    def _translated(self, source):
        # Behind an empty initialiser Doxygen loses its place.
        source, out, i, section = [line.replace(' = {};', ';') for line in source], [], 0, None
        while i < len(source):
            line = source[i]
            block = re.match(r'(\s*)///(?!<)', line)
            trailing = re.match(r'(.*?)///<(.*)', line)
            title = re.match(r'// (\S.*?) -{10,}', line)
            if block:
                text = []
                while re.match(r'\s*///(?!<)', source[i]):
                    text.append(re.sub(r'^\s*///( |$)', '', source[i]))
                    i += 1
                self.comments.append(text)
                out += ['', *comment(text, block[1], brief='first' if is_type(source[i:]) else 'all')]
                continue
            if trailing:
                text, indent = [trailing[2].strip()], re.match(r'\s*', line)[0] + '  '
                while i + 1 < len(source) and re.match(r'\s*///<', source[i + 1]):
                    i += 1
                    text.append(re.sub(r'^\s*///<', '', source[i]).strip())
                self.comments.append(text)
                declaration = trailing[1].rstrip()
                if declaration.endswith('{') and not is_type([line]):  # a function begins: say it before
                    first = len(out) - (1 if out and out[-1].lstrip().startswith('template') else 0)
                    out[first:] = ['', *comment(text, indent, brief='all'), *out[first:], declaration]
                elif out and re.match(r'\s*///(?!<)', out[-1]):  # a block stands before it: this joins that
                    out += [f'{indent}///', *comment(text, indent, brief=None), declaration]
                else:
                    out += [declaration, *comment(text, indent, '///<', brief='all')]
            elif title:
                out += ['/// @}'] if section else []
                section = [f'/// @name {plain(title[1].replace("`", ""))}', '/// @{']
                out += section
            elif section and line.startswith('enum '):  # among functions it would bring the section before all others
                out += ['/// @}', line, *section]
            else:
                out.append(line)
            i += 1
        return out + (['/// @}'] if section else [])


def is_type(lines):
    """Whether a declaration is one of a type."""
    while lines and re.match(r'\s*template\b.*>$', lines[0]):
        lines = lines[1:]
    return bool(lines and re.match(r'\s*(template *<.*> *)?(class|struct|enum|union|concept)\b', lines[0]))


def group_page(groups, headers):
    """The groups, each with what its headers say of themselves."""
    out = []
    for group in groups:
        summary = ' '.join(spelled(group.brief[0].upper() + group.brief[1:])).strip()
        out += [f'/// @defgroup {group.id} {group.title}', f'/// @brief {summary}', '///']
        for path in group.headers:
            if headers[path].about:
                out += [f'/// **%{path}**', '///', *comment(headers[path].about, brief=None), '///']
        out.append('')
    return out


# The first page -------------------------------------------------------------------------------------------------------


def first_page(readme, groups):
    """README.md with a list of its sections, anchors as GitHub makes them, and links from its table of headers to the
    groups; and the folders of its pictures."""
    by_title = {group.title: group for group in groups}
    rows = {line: by_title[', '.join(names)] for line, names, what in table_rows(readme)}
    out, pictures, in_block = [], set(), False
    for line in readme.splitlines():
        in_block ^= line.startswith('```')
        heading = re.match(r'##+ (.*)', line)
        picture = re.match(r'!\[([^]]*)\]\((.*/)?([^/)]+)\)$', line)
        if in_block or line.startswith('    '):
            pass
        elif heading:
            anchor = re.sub(r'[^\w -]', '', heading[1].lower()).replace(' ', '-')
            line = f'{line} {{#{anchor}}}'
        elif line.startswith('# '):
            line += '\n\n[TOC]'
        elif line in rows:
            line = f'| @ref {rows[line].id} "{rows[line].title}" | {rows[line].brief} |'
        elif picture:
            pictures.add(ROOT / (picture[2] or ''))
            line = f'![{picture[1]}]({picture[3]})'
        out.append(re.sub('`(file:[^`]*)`', lambda code: as_code(code[1]), line))
    return out, pictures


# Doxygen --------------------------------------------------------------------------------------------------------------


def doxygen_version():
    try:
        said = subprocess.run(['doxygen', '--version'], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        fail('doxygen is missing: install it, and call ./run docs again')
    return tuple(int(number) for number in re.findall(r'\d+', said)[:3])


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(line + '\n' for line in lines), encoding='utf-8')


def write_layout():
    """Doxygen's own layout, but descriptions come before lists, and pages without anything of gaze's are left out."""
    subprocess.run(['doxygen', '-l', 'layout.xml'], cwd=OUT, check=True, stdout=subprocess.DEVNULL)
    layout = xml.parse(OUT / 'layout.xml')
    for tab in layout.iter('tab'):
        if tab.get('type') in ('pages', 'namespaces', 'examples', 'interfaces', 'structs', 'exceptions'):
            tab.set('visible', 'no')
    for kind in ('class', 'group', 'file', 'namespace'):
        page = layout.getroot().find(kind)
        page.remove(page.find('briefdescription'))
        description = page.find('detaileddescription')
        page.remove(description)
        page.insert(0, description)
    layout.write(OUT / 'layout.xml')


def run_doxygen(version, settings):
    """Runs Doxygen with cmake/docs/Doxyfile and these settings over it. Where Debian 13's stops, older only warn."""
    strict = version >= DEBIAN_13
    write(OUT / 'Doxyfile', [f'@INCLUDE = "{ROOT}/cmake/docs/Doxyfile"',
                             f'WARN_AS_ERROR = {"FAIL_ON_WARNINGS" if strict else "NO"}',
                             *(f'{name} = {value}' for name, value in settings.items())])
    done = subprocess.run(['doxygen', 'Doxyfile'], cwd=OUT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    for line in dict.fromkeys(done.stderr.splitlines()):
        print(line.replace(f'{OUT}/input/gaze/', ''), file=sys.stderr)
    if done.returncode:
        fail('Doxygen failed; lines are counted in its copies of the headers, build/docs/input/gaze')
    if done.stderr and not strict:
        print(f'Doxygen {".".join(map(str, version))} is older than Debian 13\'s: its warnings are no errors',
              file=sys.stderr)


# What came out --------------------------------------------------------------------------------------------------------


def compact(text):
    return re.sub(r'\s+', '', text)


def check(groups, headers):
    """Throws unless every header is in one group and every comment is there, character by character."""
    pages = {path.name: xml.parse(path).getroot() for path in (OUT / 'xml').glob('*.xml')}
    found = {}
    for name, page in pages.items():
        for file in page.iterfind('compounddef[@kind="group"]/innerfile'):
            found.setdefault(file.get('refid'), []).append(name)
    places = {root.find('compounddef/location').get('file').removeprefix('gaze/'): name.removesuffix('.xml')
              for name, root in pages.items() if root.find('compounddef[@kind="file"]') is not None}
    for header in headers:
        count = len(found.get(places.get(header), []))
        if count != 1:
            fail(f'{header} is in {count} groups of the reference and must be in one')
    for group in groups:
        if not list((OUT / 'html').glob(f'group__{group.id.replace("_", "__")}.html')):
            fail(f'the reference has no page for {group.title}')
    for name, page in pages.items():  # Doxygen may take the comment of a section's first member for the section's
        if page.find('.//sectiondef/description') is not None:
            fail(f'in {name} a section of members has a description, which no header gives it')
    said = '\n'.join(compact(''.join(page.itertext())) for page in pages.values())
    lost = 0
    for path, header in headers.items():
        for text in header.comments:
            if compact(' '.join(text).replace('`', '')) not in said:
                print(f'{path}: Doxygen loses or changes a comment: {" ".join(text)}', file=sys.stderr)
                lost += 1
    if lost:
        fail(f'{lost} comments are not in the reference as they stand in the headers; cmake/docs/docs.py spells them')


def main():
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    groups = make_groups(readme, public_headers())
    if sys.argv[1:] == ['--groups']:  # what can be checked without Doxygen
        for group in groups:
            print(f'{group.title}: {" ".join(group.headers)}')
        return
    version = doxygen_version()
    headers = {path: Header(path, group) for group in groups for path in group.headers}
    page, pictures = first_page(readme, groups)
    for made in ('html', 'xml', 'input'):
        shutil.rmtree(OUT / made, ignore_errors=True)
    for path, header in headers.items():
        write(OUT / 'input/gaze' / path, header.lines)
    write(OUT / 'input/groups.dox', group_page(groups, headers))
    write(OUT / 'input/README.md', page)
    write_layout()
    settings = {'IMAGE_PATH': ' '.join(f'"{folder}"' for folder in sorted(pictures)),
                'HTML_EXTRA_STYLESHEET': f'"{ROOT}/cmake/docs/style.css"'}
    run_doxygen(version, settings)
    # For the check, with the comments that nobody else is shown.
    run_doxygen(version, settings | {'GENERATE_HTML': 'NO', 'GENERATE_XML': 'YES', 'EXTRACT_PRIVATE': 'YES',
                                     'EXCLUDE_SYMBOLS': ''})
    check(groups, headers)
    print(f'{len(headers)} headers in {len(groups)} groups: {OUT}/html/index.html')


if __name__ == '__main__':
    main()
