/**
 * The files are those of real machines: Docker with and without a namespace of its own, a pod of Kubernetes
 * and a service of systemd.
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cpus } from "node:os";
import { cgroupLimits, cgroupThreads } from "./cgroup.ts";

const GB = 2 ** 30;
const V2_MOUNT =
  "30 23 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n";
const OTHER_MOUNTS = `22 1 252:1 / / rw,relatime - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
`;

/** Reads files that are given by their paths. */
function reader(files: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`No such file: ${path}`);
    return text;
  };
}

describe("cgroupLimits()", { ignore: Deno.build.os !== "linux" }, () => {
  it("reads a container's own limits, which its namespace shows as the root", () => {
    const limits = cgroupLimits(reader({
      "/proc/self/cgroup": "0::/\n",
      "/proc/self/mountinfo": OTHER_MOUNTS + V2_MOUNT,
      "/sys/fs/cgroup/cpu.max": "150000 100000\n",
      "/sys/fs/cgroup/memory.max": `${4 * GB}\n`,
      "/sys/fs/cgroup/memory.high": "max\n",
      "/sys/fs/cgroup/memory.current": `${3 * GB}\n`,
      "/sys/fs/cgroup/memory.stat":
        `anon ${GB}\nfile ${2 * GB}\nshmem 0\ninactive_anon 0\nactive_anon ${GB}\n` +
        `inactive_file ${GB}\nactive_file ${GB}\n`,
    }));
    // 1 GB is anonymous; the 2 GB of files can be read again
    assertEquals(limits, { memory: 3 * GB, cpus: 1.5 });
  });

  it("follows the limits of the groups around its own", () => {
    const pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice";
    const own = `${pod}/cri-containerd-2.scope`;
    const limits = cgroupLimits(reader({
      "/proc/self/cgroup": `0::${own}\n`,
      "/proc/self/mountinfo": OTHER_MOUNTS + V2_MOUNT,
      [`/sys/fs/cgroup${own}/cpu.max`]: "max 100000\n",
      [`/sys/fs/cgroup${own}/memory.max`]: "max\n",
      [`/sys/fs/cgroup${pod}/cpu.max`]: "300000 100000\n",
      [`/sys/fs/cgroup${pod}/memory.max`]: `${8 * GB}\n`,
      [`/sys/fs/cgroup${pod}/memory.high`]: `${6 * GB}\n`,
      [`/sys/fs/cgroup${pod}/memory.current`]: `${GB}\n`,
      "/sys/fs/cgroup/kubepods.slice/cpu.max": "800000 100000\n",
      "/sys/fs/cgroup/kubepods.slice/memory.max": `${32 * GB}\n`,
      "/sys/fs/cgroup/kubepods.slice/memory.current": `${30 * GB}\n`,
    }));
    // 5 GB below the pod's memory.high, but all pods leave 2 GB
    assertEquals(limits, { memory: 2 * GB, cpus: 3 });
  });

  it("reads version 1, also where a container sees only its own part of the tree", () => {
    const id = "/docker/4f1c";
    const mounts = (root: string) =>
      `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 ${root} /sys/fs/cgroup/cpu,cpuacct ro,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 ${root} /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
40 31 0:37 ${root} /sys/fs/cgroup/systemd ro,relatime - cgroup systemd rw,xattr,name=systemd
`;
    const groups = `12:memory:${id}\n7:cpu,cpuacct:${id}\n1:name=systemd:${id}\n0::${id}\n`;
    const files = (folder: string) => ({
      [`/sys/fs/cgroup/memory${folder}/memory.limit_in_bytes`]: `${2 * GB}\n`,
      [`/sys/fs/cgroup/memory${folder}/memory.usage_in_bytes`]: `${1.5 * GB}\n`,
      [`/sys/fs/cgroup/memory${folder}/memory.stat`]:
        `cache ${GB}\nactive_file 1\ntotal_inactive_file ${GB / 2}\ntotal_active_file ${GB / 2}\n`,
      [`/sys/fs/cgroup/cpu,cpuacct${folder}/cpu.cfs_quota_us`]: "50000\n",
      [`/sys/fs/cgroup/cpu,cpuacct${folder}/cpu.cfs_period_us`]: "100000\n",
    });
    const whole = {
      ...files(id),
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${20 * GB}\n`,
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    };
    for (const [root, rest] of [["/", whole], [id, files("")]] as const) {
      const limits = cgroupLimits(reader({
        "/proc/self/cgroup": groups,
        "/proc/self/mountinfo": OTHER_MOUNTS + mounts(root),
        ...rest,
      }));
      assertEquals(limits, { memory: 1.5 * GB, cpus: 0.5 }, root);
    }
  });

  it("knows no limit where none is set, and looks no further than it can see", () => {
    const none = { memory: Infinity, cpus: Infinity };
    const mounted = { "/proc/self/mountinfo": OTHER_MOUNTS + V2_MOUNT };
    const unlimited = reader({
      "/proc/self/cgroup": "0::/user.slice\n",
      ...mounted,
      "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/user.slice/memory.max": "max\n",
      "/sys/fs/cgroup/user.slice/memory.current": "1\n",
    });
    assertEquals(cgroupLimits(unlimited), none);
    const elsewhere = reader({ "/proc/self/cgroup": "0::/../../a.slice\n", ...mounted });
    assertEquals(cgroupLimits(elsewhere), none);
    const unmounted = reader({ "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": "" });
    assertEquals(cgroupLimits(unmounted), none);
    assertEquals(cgroupLimits(reader({})), undefined);
  });

  it("leaves nothing where more is used than the limit, and finds mounts with spaces", () => {
    const limits = cgroupLimits(reader({
      "/proc/self/cgroup": "0::/a\n",
      "/proc/self/mountinfo": "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n",
      "/my groups/a/memory.max": `${GB}\n`,
      "/my groups/a/memory.current": `${2 * GB}\n`,
    }));
    assertEquals(limits, { memory: 0, cpus: Infinity });
  });
});

describe("cgroupThreads()", () => {
  it("takes whole processors, and leaves the number to onnxruntime where there are fewer", () => {
    const of = (cpus: number) => cgroupThreads({ memory: Infinity, cpus });
    assertEquals(of(0.5), 1);
    assertEquals(of(cpus().length - 0.1), Math.max(1, cpus().length - 1));
    assertEquals(of(cpus().length), undefined);
    assertEquals(of(Infinity), undefined);
    assertEquals(cgroupThreads(undefined), cgroupThreads());
  });
});

/** A control group of this test's own, where the machine lets it make one. */
function makeGroup(): { folder: string; hasMemory: boolean } | undefined {
  for (const parent of ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]) {
    const folder = `${parent}/denoise-${crypto.randomUUID()}`;
    const has = (name: string) => {
      try {
        return Deno.statSync(`${folder}/${name}`).isFile;
      } catch {
        return false;
      }
    };
    try {
      Deno.mkdirSync(folder);
      if (has("cpu.max") && has("memory.max")) {
        Deno.writeTextFileSync(`${folder}/cpu.max`, "100000 100000");
        Deno.writeTextFileSync(`${folder}/memory.max`, `${GB}`);
        return { folder, hasMemory: true };
      }
      if (has("cpu.cfs_quota_us")) {
        Deno.writeTextFileSync(`${folder}/cpu.cfs_quota_us`, "100000");
        return { folder, hasMemory: false };
      }
      Deno.removeSync(folder);
    } catch {
      continue; // not there, or not allowed
    }
  }
  return undefined;
}

/** Whether this machine lets a group be made that limits processors to fewer than there are. */
function canMakeGroup(): boolean {
  const group = Deno.build.os === "linux" && cpus().length > 1 ? makeGroup() : undefined;
  if (group !== undefined) Deno.removeSync(group.folder);
  return group !== undefined;
}

describe("a process in a control group", { ignore: !canMakeGroup() }, () => {
  it("knows the group's limits", async () => {
    const { folder, hasMemory } = makeGroup()!;
    const program = new URL("testdata/cgroup_limits.ts", import.meta.url).pathname;
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    try {
      const { stdout, stderr, success } = await new Deno.Command("sh", {
        args: ["-c", enter, folder, Deno.execPath(), "run", "-A", "--no-check", program],
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      const { memory, cpus, threads } = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals([cpus, threads], [1, 1]);
      // Deno itself takes some
      if (hasMemory) assertAlmostEquals(memory, GB, 0.3 * GB);
    } finally {
      await Deno.remove(folder);
    }
  });
});
