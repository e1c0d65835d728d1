// The component: the tools that the project declares, behind the world's interface.
import "../../src/tool.js";

export { described } from "toolhold";
