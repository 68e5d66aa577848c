/** Bytes of packets (big-endian, checked against what was captured) and of the engine's own buffers (`get…`, `put…`, little-endian). */
import { checkBytes, checkOwn } from "./check";

export function u8At(at: i32): i32 {
  return <i32>load<u8>(checkBytes(at, 1));
}

export function u16At(at: i32): i32 {
  return <i32>bswap<u16>(load<u16>(checkBytes(at, 2)));
}

/** 24 bits. */
export function u24At(at: i32): i32 {
  return (u16At(at) << 8) | u8At(at + 2);
}

export function u32At(at: i32): u32 {
  return bswap<u32>(load<u32>(checkBytes(at, 4)));
}

/** Four bytes as they lie there: for comparing, copying and hashing. */
export function rawAt(at: i32): u32 {
  return load<u32>(checkBytes(at, 4));
}

/** Sixteen bytes as they lie there. */
export function vectorAt(at: i32): v128 {
  return v128.load(checkBytes(at, 16));
}

export function get8(at: usize): i32 {
  return <i32>load<u8>(checkOwn(at, 1));
}

export function put8(at: usize, value: i32): void {
  store<u8>(checkOwn(at, 1), <u8>value);
}

export function get16(at: usize): i32 {
  return <i32>load<u16>(checkOwn(at, 2));
}

export function put16(at: usize, value: i32): void {
  store<u16>(checkOwn(at, 2), <u16>value);
}

export function get32(at: usize): u32 {
  return load<u32>(checkOwn(at, 4));
}

export function put32(at: usize, value: u32): void {
  store<u32>(checkOwn(at, 4), value);
}

export function get64(at: usize): u64 {
  return load<u64>(checkOwn(at, 8));
}

export function put64(at: usize, value: u64): void {
  store<u64>(checkOwn(at, 8), value);
}

/** Copies bytes of the packet at hand into the engine's own memory. */
export function copyOut(to: usize, at: i32, length: i32): void {
  memory.copy(checkOwn(to, length), checkBytes(at, length), length);
}
