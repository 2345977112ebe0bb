// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** A lab prop: logs like Tomcat, and shows the files of its web root without running them. */
public class Portal {
    private static final Path ROOT = Path.of("/usr/local/tomcat/webapps/ROOT");
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("dd/MMM/yyyy:HH:mm:ss Z", Locale.ROOT);

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", Portal::answer);
        server.start();
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String name = exchange.getRequestURI().getPath();
        Path file = ROOT.resolve(name.equals("/") ? "index.html" : name.substring(1)).normalize();
        boolean there = file.startsWith(ROOT) && Files.isRegularFile(file);
        byte[] body = (there ? "Portal\n" : "Not found\n").getBytes();
        exchange.sendResponseHeaders(there ? 200 : 404, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
        System.out.printf("%s - - [%s] \"%s %s HTTP/1.1\" %d %d%n", exchange.getRemoteAddress().getAddress().getHostAddress(),
            OffsetDateTime.now().format(CLOCK), exchange.getRequestMethod(), exchange.getRequestURI(), there ? 200 : 404, body.length);
    }
}
