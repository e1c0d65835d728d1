// The component: the tools that the project declares, behind the world's interface.
import "../../src/tool.ts";

export { described } from "toolhold";
