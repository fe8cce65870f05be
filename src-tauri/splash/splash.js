// What the shell has to say while there is no page of the server: `#state=port&sentence=…`.
// It has no other way in, and its links are the only way out.
const HEADINGS = {
  starting: 'Homereel is starting',
  port: 'Another program uses the port',
  locked: 'This library is somebody else’s',
  failed: 'Homereel could not start',
};

function show() {
  const said = new URLSearchParams(location.hash.slice(1));
  const asked = said.get('state') ?? '';
  const state = Object.hasOwn(HEADINGS, asked) ? asked : 'starting';
  document.body.dataset.state = state;
  document.querySelector('h1').textContent = HEADINGS[state];
  document.querySelector('#sentence').textContent = said.get('sentence') ?? '';
  for (const link of document.querySelectorAll('a')) {
    link.hidden = !link.dataset.for.split(' ').includes(state);
  }
}

addEventListener('hashchange', show);
show();
