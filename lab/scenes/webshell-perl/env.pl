#!/usr/bin/perl
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A lab prop: it has the look of a web shell, and runs two commands only.
my ($command) = ($ENV{QUERY_STRING} // "") =~ /cmd=([^&]*)/;
$command =~ s/%20/ /g;
print "Content-Type: text/plain\n\n";
print `$command` if $command eq "id" or $command eq "uname -a";
