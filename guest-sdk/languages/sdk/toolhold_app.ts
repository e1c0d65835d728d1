// The component: the tools that `src/tool.ts` registers, behind the world's interface.
import "../../src/tool";

export { cabi_realloc, toolhold_describe, toolhold_invoke } from "toolhold";
