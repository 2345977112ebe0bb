# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # How a module reaches the engine. The names are those of community.docker.
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the engine listens, seen from the host the task runs on, such as C(unix:///var/run/docker.sock)
        or
        C(tcp://192.0.2.7:2376).
      - If the value is not given, the environment variable E(DOCKER_HOST) of the host is used.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls:
    description:
      - Whether a connection over TCP is encrypted, without checking who the engine is unless
        O(validate_certs=true).
      - If the value is not given, the environment variable E(DOCKER_TLS) of the host is used.
    type: bool
    default: false
  validate_certs:
    description:
      - Whether a connection over TCP is encrypted, and the engine's certificate is checked against
        O(ca_path), or against
        the CAs the host trusts.
      - If the value is not given, the environment variable E(DOCKER_TLS_VERIFY) of the host is used.
    type: bool
    default: false
    aliases: [tls_verify]
  tls_hostname:
    description:
      - The name the engine's certificate has to be for, where it is not the one in O(docker_host).
      - If the value is not given, the environment variable E(DOCKER_TLS_HOSTNAME) of the host is used.
    type: str
  ca_path:
    description:
      - File on the host with the certificate of the CA that signed the engine's certificate.
      - If the value is not given, C(ca.pem) in the folder that the environment variable E(DOCKER_CERT_PATH)
        names is used
        where there is one.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - File on the host with the certificate to show to the engine. Needs O(client_key).
      - If the value is not given, C(cert.pem) in the folder that the environment variable
        E(DOCKER_CERT_PATH) names is used
        where there is one.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - File on the host with the key of O(client_cert).
      - If the value is not given, C(key.pem) in the folder that the environment variable E(DOCKER_CERT_PATH)
        names is used
        where there is one.
    type: path
    aliases: [tls_client_key, key_path]
  api_version:
    description:
      - The version of the engine's API to speak, such as V(1.41). With V(auto), it is the newest that both
        sides know.
      - If the value is not given, the environment variable E(DOCKER_API_VERSION) of the host is used.
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - How many seconds a call of the engine may take. One that takes longer fails; a hung engine never
        hangs the task.
      - If the value is not given, the environment variable E(DOCKER_TIMEOUT) of the host is used.
    type: int
    default: 20
  ship_sdk:
    description:
      - Whether the docker SDK of the machine Ansible runs on may travel with the task to a host that has
        none, or one that does not work. It is imported from memory, never installed, and gone when the
        task ends.
      - An engine at a socket of the host is asked without it. It is only needed where the engine is reached over
        TCP, and for O(select).
      - With V(false), the host needs the Python packages C(docker) and C(jmespath) for these.
    type: bool
    default: true
  _sdk_archive:
    description:
      - The SDK that travels, as a zip in base64. The action plugin fills this in.
    type: str
notes:
  - Nothing of a container is executed, and nothing is installed on the host.
  - Proxies set in the environment are not used to reach the engine.
requirements:
  - Docker API >= 1.41 (Docker Engine 20.10 or newer)
  - "Where Ansible runs, or on the host: Python packages C(docker) >= 7.1, C(requests), C(jmespath)"
"""
