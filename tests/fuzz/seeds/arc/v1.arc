filedesc://a.arc 192.0.2.1 20240102030405 text/plain 68
1 0 Example
URL IP-address Archive-date Content-type Archive-length

http://a.example/ 192.0.2.1 20240102030405 text/html 430
HTTP/1.1 200 OK
Content-Type: text/html; charset=utf-8

<!doctype html><html lang=en><head><title>T</title><meta name=robots content=noai><style>.x{display:none}</style></head><body><nav><a href=/>Home</a></nav><article><h1>Rain</h1><p>It rained &amp; <b>rained</b>.</p><div class=x>unseen</div><pre>a
  b</pre><table><tr><td>1<td>2</table><ruby>漢<rt>kan</rt></ruby><!-- note --><template>t</template></article></body></html>
http://b.example/ 192.0.2.1 20240102030405 text/plain 79
HTTP/1.1 200 OK
Content-Type: text/html; charset=utf-8

plain text of a page
