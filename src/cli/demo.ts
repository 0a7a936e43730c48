export async function demo(_out: NodeJS.WritableStream, _signal: AbortSignal): Promise<number> {
  return 0;
}
