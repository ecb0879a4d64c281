/** Prints what the control groups of this process leave it. */
import { cgroupLimits, cgroupThreads } from "../cgroup.ts";

console.log(JSON.stringify({ ...cgroupLimits(), threads: cgroupThreads() }));
