/* Numbers as people read them, and the drawings: lines, stacks, sparks, legends. */

/* --- numbers --- */

function amount(value) {
  if (value === null || value === undefined) return ["–", ""];
  if (value >= 9999500) return [(value / 1e6).toFixed(1), "M"];
  if (value >= 99950) return [(value / 1e3).toFixed(0), "k"];
  if (value >= 9999.5) return [(value / 1e3).toFixed(1), "k"];
  return [value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1), ""];
}
function time(seconds) {
  if (seconds === null || seconds === undefined) return ["–", ""];
  const ms = seconds * 1000;
  if (ms === 0) return ["0", "s"];
  if (ms < 1) return [(ms * 1000).toFixed(0), "µs"];
  if (ms < 10) return [ms.toFixed(1), "ms"];
  if (ms < 1000) return [ms.toFixed(0), "ms"];
  if (seconds < 120) return [seconds.toFixed(seconds < 10 ? 1 : 0), "s"];
  return [(seconds / 60).toFixed(0), "min"];
}
const word = ([number, unit]) => unit ? `${number} ${unit}` : number;
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/* --- drawing --- */

/* A canvas as large as it is shown, cleared. */
function sheet(canvas) {
  const scale = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, box.width * scale);
  canvas.height = Math.max(1, box.height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return { pen, width: box.width, height: box.height, em: parseFloat(getComputedStyle(document.documentElement).fontSize) };
}
/* A round number at or above. */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * 0.999);
}
/* What the width shows: all that is known, between two minutes and ten. */
const span = () => Math.min(STEP_MS * KEEP, Math.max(120000, Date.now() - history[0].at));
const place = (at, left, width) => left + width - (Date.now() - at) / span() * width;

function frame({ pen, width, height, em }, top, label) {
  const area = { left: em * 4.6, top: em * 0.7, width: width - em * 5.4, height: height - em * 2.4 };
  pen.font = `${em * 1.05}px system-ui, "DejaVu Sans", sans-serif`;
  pen.fillStyle = color("dim");
  pen.strokeStyle = color("line");
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  for (let part = 0; part <= 2; part++) {
    const y = area.top + area.height * (1 - part / 2);
    pen.beginPath(); pen.moveTo(area.left, y); pen.lineTo(area.left + area.width, y); pen.stroke();
    pen.textAlign = "right";
    pen.fillText(label(top * part / 2), area.left - em * 0.5, y);
  }
  pen.textBaseline = "top";
  const every = span() > 300000 ? 5 : 1;
  for (let minutes = 0; minutes * 60000 <= span(); minutes += every) {
    const x = area.left + area.width * (1 - minutes * 60000 / span());
    pen.textAlign = minutes === 0 ? "right" : x < area.left + em * 3 ? "left" : "center";
    pen.fillText(minutes ? `${minutes} min ago` : "now", x, area.top + area.height + em * 0.4);
  }
  return area;
}

function lines(canvas, rows, label) {
  const paper = sheet(canvas), { pen } = paper;
  const top = ceiling(Math.max(...rows.flatMap(row => history.map(point => row.of(point) || 0))));
  const area = frame(paper, top, label);
  for (const row of rows) {
    pen.strokeStyle = row.color;
    pen.lineWidth = paper.em * (row.wide ? 0.26 : 0.16);
    pen.lineJoin = "round";
    pen.setLineDash(row.dashed ? [paper.em * 0.5, paper.em * 0.4] : []);
    pen.beginPath();
    let down = false;
    for (const point of history) {
      const value = row.of(point);
      if (value === null || value === undefined) { down = false; continue; }
      const x = place(point.at, area.left, area.width), y = area.top + area.height * (1 - Math.min(1, value / top));
      if (down) pen.lineTo(x, y); else { pen.moveTo(x, y); pen.lineTo(x + 1, y); }
      down = true;
    }
    pen.stroke();
  }
}

function stack(canvas, rows, label) {
  const paper = sheet(canvas), { pen } = paper;
  const whole = point => rows.reduce((height, row) => height + (row.of(point) || 0), 0);
  const top = ceiling(Math.max(0, ...history.map(whole)));
  const area = frame(paper, top, label);
  const step = area.width * STEP_MS / span();
  for (const point of history) {
    let below = 0;
    const x = place(point.at, area.left, area.width) - step;
    for (const row of rows) {
      const value = row.of(point) || 0, high = area.height * value / top;
      pen.fillStyle = row.color;
      pen.fillRect(x, area.top + area.height - (area.height * below / top) - high, step + 0.6, high);
      below += value;
    }
  }
}

function spark(canvas, of) {
  const { pen, width, height } = sheet(canvas);
  const top = Math.max(1e-9, ...history.map(point => of(point) || 0)) * 1.15;
  pen.beginPath();
  pen.moveTo(place(history[0].at, 0, width), height);
  for (const point of history) pen.lineTo(place(point.at, 0, width), height * (1 - (of(point) || 0) / top));
  pen.lineTo(width, height);
  pen.closePath();
  pen.fillStyle = color("c0");
  pen.globalAlpha = 0.55;
  pen.fill();
}

function legend(id, rows) {
  byId(id).replaceChildren(...rows.map(row => {
    const item = element("span");
    const swatch = element("span", "swatch");
    swatch.style.background = row.color;
    item.append(swatch, row.name + " ", element("b", "", row.now));
    return item;
  }));
}
