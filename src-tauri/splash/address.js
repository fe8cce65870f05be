// The address of the library, to read and to scan: `#address=…&picture=…`, the picture in SVG.
// It has no other way in, and no way out.
function show() {
  const said = new URLSearchParams(location.hash.slice(1));
  document.querySelector('#address').textContent = said.get('address') ?? '';
  document.querySelector('#picture').src =
    'data:image/svg+xml,' + encodeURIComponent(said.get('picture') ?? '');
}

addEventListener('hashchange', show);
show();
