/** The public library: what `import … from "tapscope"` gives. Nothing else is public. */

export type { Disk, FoundPartition, OpenOptions } from "./bro/disk/disk.ts";
export {
  type ExtractFailure,
  type ExtractOptions,
  type ExtractReport,
  type ExtractResult,
  extract,
} from "./bro/disk/extract/extract.ts";
export { openDisk } from "./bro/disk/open.ts";
export type { DirectoryEntry, FileNode, FileTree } from "./bro/disk/tree.ts";
export type { LogSummary } from "./bro/log/reader.ts";
export { type LogRecord, readLog } from "./bro/log/records.ts";
export type { LogValue } from "./bro/log/values.ts";
export { type CommunityIdInput, communityId } from "./capture/community-id.ts";
export type { CaptureInterface, CaptureStatus, CaptureSummary } from "./capture/format/summary.ts";
export { type ReadConnectionsOptions, readConnections } from "./capture/read-connections.ts";
export { type CaptureDescription, describeCapture } from "./capture/source/describe.ts";
export { type CapturedPacket, type OpenCaptureOptions, openCapture } from "./capture/source/open-capture.ts";
export { type ErrorCode, TapscopeError, UsageError } from "./core/errors.ts";
export type { ConnectionRecord } from "./engine/host/connection-record.ts";
export { type OpenSwitchOptions, openSwitch } from "./jobs/open-switch.ts";
export { type TrafficRequest, type VerifyRequest, verifyMirror } from "./jobs/verify/verify.ts";
export type { BridgeInfo } from "./mirror/bridge.ts";
export type { Direction, MirrorHealth, MirrorInfo, MirrorSource } from "./mirror/mirror-info.ts";
export type { MirrorOutput, MirrorRequest } from "./mirror/mirror-request.ts";
export type { Monitor, MonitorRequest } from "./mirror/monitor.ts";
export { Switch } from "./mirror/switch.ts";
export type { TapInfo, TapRequest } from "./mirror/tap.ts";
export type {
  Cause,
  CauseCode,
  DirectionReport,
  PingReport,
  PingSequence,
  Verdict,
  VerifyReport,
} from "./verify/judge/report.ts";
