# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lets a process out of its container, and how. Severity is that of the setting alone (see FACTS 27)."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Severity


class Way(NamedTuple):
    """A way out: how grave it is and what it allows, to be read after "which allows"."""

    severity: Severity
    allows: str


PRIVILEGED = Way("high", "using every device and loading code into the kernel, in effect root on the host")

CAPABILITIES = {
    "ALL": Way("high", "everything root on the host may do"),
    "SYS_ADMIN": Way(
        "high", "mounting host file systems and starting programs on the host through release_agent"
    ),
    "SYS_MODULE": Way("high", "loading code into the host's kernel"),
    "SYS_RAWIO": Way("high", "reading and writing the host's memory and disks directly"),
    "SYS_PTRACE": Way("medium", "taking over processes it can see, those of the host with the host's PIDs"),
    "DAC_READ_SEARCH": Way("high", "reading any file of the host by its handle (open_by_handle_at)"),
    "BPF": Way("high", "loading programs into the kernel that watch the whole host"),
    "PERFMON": Way("medium", "watching the kernel and all processes of the host"),
    "SYS_BOOT": Way("medium", "restarting the host or loading another kernel"),
    "CHECKPOINT_RESTORE": Way("medium", "recreating processes with chosen identities"),
    "NET_ADMIN": Way("medium", "changing routes and filters, those of the host with the host's network"),
    "SYSLOG": Way("low", "reading the kernel's addresses from its log"),
    "SYS_TIME": Way("low", "setting the host's clock, and so confusing its logs"),
    "SYS_RESOURCE": Way("low", "going beyond resource limits"),
    "MAC_ADMIN": Way("medium", "changing the host's mandatory access control"),
    "MAC_OVERRIDE": Way("medium", "passing over mandatory access control"),
    "AUDIT_CONTROL": Way("medium", "silencing the host's audit log"),
    "LINUX_IMMUTABLE": Way("low", "making files that cannot be removed"),
    "IPC_OWNER": Way("low", "reading shared memory of others"),
}

# Bits of the capability mask in /proc/PID/status (include/uapi/linux/capability.h).
CAPABILITY_BITS = {
    2: "DAC_READ_SEARCH",
    16: "SYS_MODULE",
    17: "SYS_RAWIO",
    19: "SYS_PTRACE",
    21: "SYS_ADMIN",
    39: "BPF",
}

# The keys of HostConfig whose value "host" shares a namespace with the host.
HOST_NAMESPACES = {
    "PidMode": Way("medium", "seeing and signalling every process of the host and reading its environment"),
    "NetworkMode": Way(
        "medium", "reaching services on the host's loopback and abstract sockets, and its traffic"
    ),
    "IpcMode": Way("low", "reading and writing shared memory of the host's programs"),
    "UTSMode": Way("low", "changing the host's name"),
    "UsernsMode": Way(
        "low", "being the host's root when it gets out, where the engine remaps users otherwise"
    ),
}

ENGINE_SOCKETS = (
    "docker.sock",
    "containerd.sock",
    "podman.sock",
    "crio.sock",
    "cri-dockerd.sock",
    "dockershim.sock",
    "buildkitd.sock",
)
ENGINE_SOCKET = Way("high", "starting a privileged container, also when mounted read-only: root on the host")

# Host paths: a mount of the path, of something below it or (for whole trees) above it.
HOST_PATHS = {
    "/": (
        Way("high", "changing any file of the host"),
        Way("high", "reading any file of the host, its keys and passwords"),
    ),
    "/etc": (
        Way("high", "adding users, keys and timed jobs to the host"),
        Way("medium", "reading the host's accounts"),
    ),
    "/etc/cron.d": (
        Way("high", "adding timed jobs to the host"),
        Way("low", "reading the host's timed jobs"),
    ),
    "/etc/ssh": (
        Way("high", "changing who may log in to the host"),
        Way("high", "reading the host's SSH keys"),
    ),
    "/etc/sudoers.d": (
        Way("high", "making users of the host root"),
        Way("low", "reading who may become root"),
    ),
    "/etc/systemd": (Way("high", "adding services to the host"), Way("low", "reading the host's services")),
    "/etc/shadow": (
        Way("high", "setting passwords of the host"),
        Way("high", "reading password hashes of the host"),
    ),
    "/etc/passwd": (
        Way("high", "adding users to the host"),
        Way("info", "reading the names of the host's users"),
    ),
    "/root": (
        Way("high", "adding SSH keys for the host's root"),
        Way("high", "reading the keys of the host's root"),
    ),
    "/home": (
        Way("medium", "adding SSH keys for the host's users"),
        Way("medium", "reading keys of the host's users"),
    ),
    "/proc": (
        Way("high", "naming a program that the host runs at the next crash (core_pattern)"),
        Way("medium", "reading memory maps and environments of the host's processes"),
    ),
    "/sys/fs/cgroup": (
        Way("high", "naming a program that the host runs when a cgroup empties (release_agent)"),
        Way("low", "seeing the cgroups of the host"),
    ),
    "/sys": (
        Way("high", "changing devices and kernel settings of the host (uevent_helper)"),
        Way("low", "seeing the devices of the host"),
    ),
    "/dev": (
        Way("high", "reading and writing the host's disks"),
        Way("high", "reading and writing the host's disks"),
    ),
    "/boot": (
        Way("high", "changing the kernel the host starts next"),
        Way("low", "reading the host's kernel"),
    ),
    "/lib/modules": (
        Way("medium", "changing kernel modules of the host"),
        Way("info", "reading the host's modules"),
    ),
    "/usr": (Way("high", "changing programs of the host"), Way("info", "reading programs of the host")),
    "/bin": (Way("high", "changing programs of the host"), Way("info", "reading programs of the host")),
    "/sbin": (Way("high", "changing programs of the host"), Way("info", "reading programs of the host")),
    "/lib": (Way("high", "changing libraries of the host"), Way("info", "reading libraries of the host")),
    "/opt": (
        Way("low", "changing add-on software of the host"),
        Way("info", "reading add-on software of the host"),
    ),
    "/run": (
        Way("high", "using the sockets of the host's services"),
        Way("high", "using the sockets of the host's services"),
    ),
    "/var": (
        Way("high", "changing timed jobs and the engine's files"),
        Way("medium", "reading logs and mail of the host"),
    ),
    "/var/run": (
        Way("high", "using the sockets of the host's services"),
        Way("high", "using the sockets of the host's services"),
    ),
    "/var/lib/docker": (
        Way("high", "changing every other container and its volumes"),
        Way("high", "reading every other container and its secrets"),
    ),
    "/var/lib/containerd": (
        Way("high", "changing every other container"),
        Way("high", "reading every other container and its secrets"),
    ),
    "/var/lib/kubelet": (
        Way("high", "changing the pods of this node"),
        Way("high", "reading the service tokens of this node"),
    ),
    "/var/spool/cron": (
        Way("high", "adding timed jobs to the host"),
        Way("low", "reading the host's timed jobs"),
    ),
    "/var/log": (Way("medium", "falsifying the host's logs"), Way("low", "reading the host's logs")),
}

# Of these also what lies below counts like the whole; of the others a part is everyday (/etc/localtime).
HOST_TREES = frozenset(
    {
        "/root",
        "/proc",
        "/sys/fs/cgroup",
        "/boot",
        "/var/lib/docker",
        "/var/lib/containerd",
        "/var/lib/kubelet",
    }
    | {
        "/var/spool/cron",
        "/etc/cron.d",
        "/etc/ssh",
        "/etc/sudoers.d",
        "/etc/systemd",
        "/etc/shadow",
        "/etc/passwd",
    }
)
HARMLESS_PARTS = ("/var/lib/docker/volumes/", "/var/lib/docker/containers/", "/proc/cpuinfo", "/proc/meminfo")

DEVICES = (
    (
        (
            "/dev/sd",
            "/dev/vd",
            "/dev/xvd",
            "/dev/nvme",
            "/dev/dm-",
            "/dev/mapper",
            "/dev/md",
            "/dev/loop",
            "/dev/disk",
        ),
        Way("high", "reading and writing a disk of the host past its file system"),
    ),
    (
        ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/kcore"),
        Way("high", "reading and writing the host's memory"),
    ),
    (
        ("/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/vhost"),
        Way("low", "calling kernel code that is not meant for guests"),
    ),
    (("/dev",), Way("low", "using a device of the host")),
)

SECURITY_OPTIONS = {
    "seccomp=unconfined": Way("medium", "every system call, also those that past escapes needed"),
    "apparmor=unconfined": Way("medium", "mounting and writing below /proc and /sys without AppArmor's veto"),
    "label=disable": Way("low", "reading and writing what SELinux would deny"),
    "systempaths=unconfined": Way("medium", "writing kernel settings such as core_pattern below /proc/sys"),
}
# What makes a way out graver: capability, key of HostConfig with the value "host".
WITH_HOST_NAMESPACE = {"SYS_PTRACE": "PidMode", "NET_ADMIN": "NetworkMode"}
BLOCK_DEVICES = Way("high", "making and using device files of the host's disks")
UNMASKED = SECURITY_OPTIONS["systempaths=unconfined"]
