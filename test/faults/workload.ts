/** What people do to a tree between two deaths: everything that a receiver has to make of its own volume, in one small directory. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Instance } from '../e2e/instance.ts';

/** More than one bundle's thread takes inline: they are written and installed in a thread of its own. */
const MANY = 20;
/** Past what travels in bundles. */
const LARGE = Buffer.alloc(700_000, 'large');
const HERE_EDITED = 'here edited, second';
const HERE_NEW = 'here new';

/** What stands at paths of a round: the content of files, `-> target` of symlinks, `/` for directories. */
export type Expected = ReadonlyMap<string, string>;

/** One round of changes, in a directory of its own in the domain `acme`. */
export class Workload {
  readonly #at: string;
  readonly #writer: Instance;
  readonly #victim: Instance;
  readonly #deletesHere: boolean;

  /**
   * @param deletesHere users of the victim delete and rename too: what goes before an instance has written its first cache may come
   *   back from its peers after a crash, as the README says of a lost one
   */
  constructor(round: number, writer: Instance, victim: Instance, deletesHere: boolean) {
    this.#deletesHere = deletesHere;
    this.#at = `acme/round ${round}`;
    this.#writer = writer;
    this.#victim = victim;
  }

  /** What is there before. */
  begin(): void {
    for (const path of ['edited', 'deleted', 'renamed', 'closed', 'file', 'directory/inner/deep', 'directory/other'])
      this.#write(path, `${path}, first`);
    for (const name of ['a', 'b', 'sub/c']) this.#write(`tree/${name}`, `tree ${name}`);
    for (const name of ['here edited', 'here deleted', 'here renamed']) this.#write(name, `${name}, first`);
    symlinkSync('edited', this.#path('link'));
    mkdirSync(this.#path('empty'));
    this.#write('large edited', LARGE.subarray(0, 400_000));
  }

  /** What the other server's users do. */
  change(): void {
    for (let i = 0; i < MANY; i++) this.#write(`many/${i}`, `one of many ${i}`);
    this.#write('new', 'new');
    this.#write('edited', 'edited, second, and longer');
    rmSync(this.#path('deleted'));
    renameSync(this.#path('renamed'), this.#path('renamed since'));
    chmodSync(this.#path('closed'), 0o600);
    rmSync(this.#path('file'));
    mkdirSync(this.#path('file'));
    this.#write('file/inner', 'in what was a file');
    rmSync(this.#path('directory'), { recursive: true });
    this.#write('directory', 'what was a directory');
    renameSync(this.#path('tree'), this.#path('tree since'));
    rmSync(this.#path('link'));
    symlinkSync('new', this.#path('link'));
    rmSync(this.#path('empty'), { recursive: true });
    this.#write('large', LARGE);
    this.#write('large edited', LARGE.subarray(0, 500_000));
  }

  /** What its own users do, meanwhile. Doing it again changes nothing. */
  changeHere(): void {
    const here = (path: string) => this.#victim.path(`${this.#at}/${path}`);
    if (readFileSync(here('here edited'), 'utf8') !== HERE_EDITED) writeFileSync(here('here edited'), HERE_EDITED);
    if (!existsSync(here('here new'))) writeFileSync(here('here new'), HERE_NEW);
    if (!this.#deletesHere) return;
    rmSync(here('here deleted'), { force: true });
    if (existsSync(here('here renamed'))) renameSync(here('here renamed'), here('here renamed since'));
  }

  /** What has to stand there in the end, on every server. */
  get expected(): Expected {
    const expected = new Map([
      ['new', 'new'],
      ['edited', 'edited, second, and longer'],
      ['renamed since', 'renamed, first'],
      ['closed', 'closed, first'],
      ['file/inner', 'in what was a file'],
      ['directory', 'what was a directory'],
      ['tree since/a', 'tree a'],
      ['tree since/b', 'tree b'],
      ['tree since/sub/c', 'tree sub/c'],
      ['link', '-> new'],
      ['large', String(LARGE)],
      ['large edited', String(LARGE.subarray(0, 500_000))],
      ['here edited', HERE_EDITED],
      ['here new', HERE_NEW],
      [this.#deletesHere ? 'here renamed since' : 'here renamed', 'here renamed, first'],
    ]);
    if (!this.#deletesHere) expected.set('here deleted', 'here deleted, first');
    for (let i = 0; i < MANY; i++) expected.set(`many/${i}`, `one of many ${i}`);
    return expected;
  }

  /** All contents that a file of this round may ever show, under whatever name. */
  get contents(): ReadonlySet<string> {
    const first = [
      'edited',
      'deleted',
      'file',
      'directory/inner/deep',
      'directory/other',
      'here edited',
      'here deleted',
    ];
    return new Set([
      ...this.expected.values(),
      ...first.map(path => `${path}, first`),
      String(LARGE.subarray(0, 400_000)),
    ]);
  }

  /** Content that is new on the victim by its own users: what the other one has to fetch of it. */
  get bytesHere(): number {
    return HERE_EDITED.length + HERE_NEW.length;
  }

  /** What stands in this round's directory of an instance. */
  shown(instance: Instance): Map<string, string> {
    const paths = [...instance.tree(this.#at)].filter(([, { kind }]) => kind !== 'directory').map(([path]) => path);
    return new Map(
      paths.map(path => {
        const at = instance.path(`${this.#at}/${path}`);
        return [path, lstatSync(at).isSymbolicLink() ? `-> ${readlinkSync(at)}` : readFileSync(at, 'utf8')];
      }),
    );
  }

  /** The round is over. What is small stays: much of a domain that goes within a minute would be held. */
  end(): void {
    for (const path of ['large', 'large edited']) rmSync(this.#path(path));
  }

  #path(path: string): string {
    return this.#writer.path(`${this.#at}/${path}`);
  }

  #write(path: string, content: string | Uint8Array): void {
    this.#writer.write(`${this.#at}/${path}`, content);
  }
}
