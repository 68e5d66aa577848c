/** NFS (RFC 1813, RFC 7530): an RPC call of its program. */
import { program } from "./rpc";

const NFS: u32 = 100_003;

export function overTcp(): bool {
  return program(true) === NFS;
}

export function overUdp(): bool {
  return program(false) === NFS;
}
