<!DOCTYPE html>
<!--
Copyright (c) The cordon.docker authors
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
<title>Contact</title>
<h1>How to reach us</h1>
<p>We answer letters and calls on every working day from nine to five, and messages within two days at the latest.
If you write about an order, please have its number at hand: it stands at the top of the letter that came with it.</p>
<address>Acme Press, 1 Long Lane, Springfield</address>
<p><?php echo "Today is ", date("l"), ", so ", date("N") < 6 ? "somebody is in." : "nobody is in.", "\n"; ?></p>
<p>Visitors are welcome after telling us; the house is a minute from the station, behind the old printing works.</p>
