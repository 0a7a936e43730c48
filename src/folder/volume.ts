/**
 * The volume that is synchronised: its private directory, the marker that tells it from any other, and the guard that notices when
 * it was unmounted, emptied or swapped.
 */
import { z } from 'zod';
import { PRIVATE } from '../core/path.ts';
import { type Disk, DiskError } from './disk.ts';

/** What `.dfsync/volume.json` says. */
const markerSchema = z.object({
  /** Of this volume alone. */
  id: z.string().min(1),
  /** The instance that the volume belongs to. */
  roleid: z.number().int(),
  /** Milliseconds since 1970; neither a lost cache nor a new identity renews it. */
  created: z.number(),
});

/** What tells one volume from any other. */
export type Marker = Readonly<z.infer<typeof markerSchema>>;

/** How to open a volume. */
export interface VolumeOptions {
  readonly roleid: number;
  /** Never make a marker: a volume without one is not mounted. */
  readonly requireVolume?: boolean;
  /** Take over the volume of another roleid. */
  readonly newIdentity?: boolean;
  /** The id of a new marker: something that no other volume has. */
  readonly freshId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Why a volume cannot be used: the thing, the reason and the next step. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

const MARKER = `${PRIVATE}/volume.json`;
/** Half-received files; what was replaced or deleted; the index. */
const STAGING = 'staging';
const TRASH = 'trash';
const CACHE = 'cache';

/**
 * Checks the root and makes its private directory. The lock is in it, so this comes before the lock, {@link openVolume} after.
 *
 * @throws VolumeError
 */
export function makePrivate(disk: Disk, root: string, options: Pick<VolumeOptions, 'requireVolume'>): void {
  explained(root, () => {
    const stat = disk.lstat('');
    if (stat?.kind !== 'directory')
      throw new VolumeError(`${root} is missing or no directory: mount the volume, or make the directory`);
    disk.list('');
    if (options.requireVolume && disk.lstat(MARKER) === undefined) throw unmarked(root);
    makeDirectory(disk, PRIVATE, privateMode(disk));
  });
}

/**
 * Opens a volume: its private directories, and its marker, which is made where there is none and checked where there is one.
 * To be called with the lock held.
 *
 * @param root its path, for messages
 * @throws VolumeError
 */
export async function openVolume(disk: Disk, root: string, options: VolumeOptions): Promise<Volume> {
  makePrivate(disk, root, options);
  explained(root, () => {
    for (const name of [STAGING, TRASH, CACHE]) makeDirectory(disk, `${PRIVATE}/${name}`, privateMode(disk));
  });
  const old = explained(root, () => readMarker(disk, options.newIdentity === true));
  const marker = decide(root, old, options);
  if (marker !== old) await writeMarker(disk, root, marker);
  return new Volume(disk, root, marker);
}

/** The marker that a volume is to have; the old one itself where it is right. */
function decide(root: string, old: Marker | undefined, options: VolumeOptions): Marker {
  const { roleid, freshId: id, now } = options;
  if (old === undefined) {
    if (options.requireVolume && !options.newIdentity) throw unmarked(root);
    return { id, roleid, created: now };
  }
  if (old.roleid === roleid) return old;
  if (options.newIdentity) return { id, roleid, created: old.created };
  throw new VolumeError(
    `${root} belongs to roleid ${old.roleid}, not ${roleid}: mount the right volume, start with --roleid ${old.roleid}, or say --new-identity to take it over`,
  );
}

/** A volume that was opened, and what it was like then. */
export class Volume {
  readonly marker: Marker;
  readonly #disk: Disk;
  readonly #root: string;
  readonly #device: number;
  readonly #devices = new Map<string, number>();

  constructor(disk: Disk, root: string, marker: Marker) {
    this.marker = marker;
    this.#disk = disk;
    this.#root = root;
    this.#device = explained(root, () => disk.lstat('')?.device ?? -1);
  }

  /** Why the volume is not the one that was opened, or undefined where it is. Never throws. */
  check(): string | undefined {
    const unlike = (what: string) =>
      `${this.#root} ${what}: it was unmounted, emptied or swapped; mount the volume again`;
    try {
      if (this.#disk.lstat('')?.device !== this.#device) return unlike('is missing or on another device');
      const id = readMarker(this.#disk, true)?.id;
      if (id === undefined) return unlike(`has lost its marker ${MARKER}`);
      return id === this.marker.id ? undefined : unlike(`has the marker of another volume in ${MARKER}`);
    } catch (error) {
      return unlike(`cannot be read (${(error as Error).message})`);
    }
  }

  /**
   * Why a domain's root is not the directory that it was when first asked about, or undefined where it is. Device numbers change
   * over reboots, so they are remembered by this process only. Never throws.
   *
   * @param directory the domain's, relative to the volume's root
   */
  domainObjection(directory: string): string | undefined {
    const at = `${this.#root}/${directory}`;
    try {
      const stat = this.#disk.lstat(directory);
      if (stat?.kind !== 'directory') return `${at} is missing or no directory: mount it, or make it`;
      const known = this.#devices.get(directory);
      if (known === undefined) this.#devices.set(directory, stat.device);
      else if (known !== stat.device)
        return `${at} is on another device than before: mount what was there, or restart dfsync`;
      return undefined;
    } catch (error) {
      return `${at} cannot be read (${(error as Error).message})`;
    }
  }

  /** Forgets a domain's device: it is not mapped any more. */
  forget(directory: string): void {
    this.#devices.delete(directory);
  }

  /**
   * Where staging and trash of a domain are, relative to the volume's root: in the root's private directory, or in one of the
   * domain's own where nothing can be renamed from there into the domain (a bind mount has the same device, and refuses too).
   *
   * @throws VolumeError
   */
  privateArea(directory: string): string {
    return explained(`${this.#root}/${directory}`, () => {
      if (this.#canRenameInto(directory)) return PRIVATE;
      const own = `${directory}/${PRIVATE}`;
      const mode = privateMode(this.#disk);
      for (const path of [own, `${own}/${STAGING}`, `${own}/${TRASH}`]) makeDirectory(this.#disk, path, mode);
      return own;
    });
  }

  /** Tries it with an empty directory, under the one name in a domain that nobody looks at. */
  #canRenameInto(directory: string): boolean {
    const probe = `${PRIVATE}/${STAGING}/rename-probe`;
    const there = `${directory}/${PRIVATE}`;
    makeDirectory(this.#disk, probe, privateMode(this.#disk));
    try {
      this.#disk.rename(probe, there);
    } catch (error) {
      this.#disk.rmdir(probe);
      // Something is there from before; that the mounts differ would have been said first.
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return true;
      if (hasCode(error, 'EXDEV')) return false;
      throw error;
    }
    this.#disk.rmdir(there);
    return true;
  }
}

/** @param lenient a marker that cannot be understood counts as none */
function readMarker(disk: Disk, lenient: boolean): Marker | undefined {
  if (disk.lstat(MARKER) === undefined) return undefined;
  const text = new TextDecoder().decode(disk.readFile(MARKER));
  try {
    return markerSchema.parse(JSON.parse(text));
  } catch {
    if (lenient) return undefined;
    throw new VolumeError(
      `the volume's marker ${MARKER} is damaged: restore it, or say --new-identity to make another one`,
    );
  }
}

async function writeMarker(disk: Disk, root: string, marker: Marker): Promise<void> {
  const draft = `${MARKER}.new`;
  explained(root, () => disk.writeFile(draft, Buffer.from(`${JSON.stringify(marker)}\n`), privateMode(disk) & 0o666));
  // The content before the name: after a crash the marker is there whole, or not at all.
  await disk.sync();
  explained(root, () => disk.rename(draft, MARKER));
}

/** A root that its group may write to has instances with changing user ids. */
function privateMode(disk: Disk): number {
  return ((disk.lstat('')?.mode ?? 0) & 0o020) !== 0 ? 0o770 : 0o700;
}

function makeDirectory(disk: Disk, path: string, mode: number): void {
  const there = disk.lstat(path);
  if (there === undefined) disk.mkdir(path, mode);
  // A symlink would lead what we write out of the volume.
  else if (there.kind !== 'directory') throw new VolumeError(`${path} of the volume is no directory: move it away`);
}

function unmarked(root: string): VolumeError {
  return new VolumeError(
    `${root} has no marker ${MARKER}: the volume is not mounted, or new; mount it, or start once without --require-volume`,
  );
}

function explained<T>(root: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const next = error.why === undefined ? `: ${NEXT_STEP[error.code] ?? 'check the volume'}` : '';
    throw new VolumeError(`${root}: ${error.message}${next}`, { cause: error });
  }
}

const NEXT_STEP: Readonly<Record<string, string>> = {
  EACCES: 'not permitted; give the user of dfsync read and write permission (chown, fsGroup)',
  EPERM: 'not permitted; give the user of dfsync read and write permission (chown, fsGroup)',
  EROFS: 'read-only; mount the volume for writing',
  ENOSPC: 'full; free space on the volume',
  EDQUOT: 'the quota is used up; free space or raise it',
};

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof DiskError && codes.includes(error.code);
}
