/** What the host wants of the engine. */
import { Options } from "./generated/layouts";
import { OPTIONS } from "./generated/memory";

export const options: Options = changetype<Options>(<usize>OPTIONS);
