// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

/** A lab prop: a service that has a script do its reports. */
public class Invoices {
    public static void main(String[] arguments) throws Exception {
        while (true) {
            new ProcessBuilder("/bin/bash", "/srv/invoices/report.sh").inheritIO().start().waitFor();
        }
    }
}
