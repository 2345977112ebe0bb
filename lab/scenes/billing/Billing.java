// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/** A lab prop: writes an invoice every ten seconds and has a child process pack it. */
public class Billing {
    public static void main(String[] arguments) throws Exception {
        for (int number = 1; ; number++) {
            Path invoice = Path.of("/tmp/invoice.txt");
            Files.writeString(invoice, "Invoice " + number + "\n");
            new ProcessBuilder("gzip", "--force", "--keep", invoice.toString()).inheritIO().start().waitFor();
            System.out.println(Instant.now() + " INFO [billing] invoice " + number + " packed");
            new ProcessBuilder("sleep", "10").inheritIO().start().waitFor();
        }
    }
}
