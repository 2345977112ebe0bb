#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What containment could change, as text: networks, policies, links, rules and records. What every connection draws
# anew (endpoint IDs, MACs on engines from 28 on) and what a container between two starts does by itself is left out.
for name in bridge user host share none mac admin restarting neighbour; do
    docker inspect -f '{{.Name}} {{.HostConfig.RestartPolicy.Name}}
        {{- range $network, $endpoint := .NetworkSettings.Networks}} {{$network}}
        {{- if ne $.Name "/ct-contain-restarting"}} {{$endpoint.IPAddress}} {{$endpoint.Aliases}}{{end}}{{end}}' "ct-contain-$name"
done
for name in bridge user mac; do
    pid=$(docker inspect -f '{{.State.Pid}}' "ct-contain-$name")
    nsenter -t "$pid" -n ip -br address
    nsenter -t "$pid" -n ip route
    nsenter -t "$pid" -n nft list tables
done
nft list tables | grep cordon
ls /run/cordon 2>/dev/null
true
