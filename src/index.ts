/** The public library: what `import … from "tapscope"` gives. Nothing else is public. */
export { type CommunityIdInput, communityId } from "./capture/flow/community-id.ts";
export {
  type ConnectionRecord,
  type ReadConnectionsOptions,
  readConnections,
} from "./capture/flow/read-connections.ts";
