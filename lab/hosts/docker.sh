#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# /etc/init.d/docker of a lab host, so that `service docker stop` works as on a real one. Debian's own script
# raises limits, which a machine without CAP_SYS_RESOURCE refuses.
log=/var/log/docker.log

stop() {
    pkill -TERM -x dockerd || return 0
    for _ in $(seq 150); do
        pgrep -x dockerd >/dev/null || return 0
        sleep 0.1
    done
    pkill -KILL -x dockerd
}

# As systemd does: started is who answers.
wait_until_it_answers() {
    for _ in $(seq 300); do
        docker version >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "The engine does not answer; see $log." >&2
    return 1
}

case $1 in
    start)
        pgrep -x dockerd >/dev/null && exit 0
        # What a killed engine leaves would be taken for a running one whose number was given away again.
        rm -f /run/docker.pid /run/docker/containerd/containerd.pid
        setsid dockerd >>"$log" 2>&1 </dev/null &
        wait_until_it_answers
        ;;
    stop) stop ;;
    restart | force-reload) stop && exec "$0" start ;;
    status) pgrep -x dockerd >/dev/null ;;
    *) echo "Usage: service docker {start|stop|restart|status}" >&2; exit 2 ;;
esac
