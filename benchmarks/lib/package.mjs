// The package under test, as its users import it.

export { DockerIsol8 } from "../../index.js";
