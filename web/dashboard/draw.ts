/** The drawings, on canvases: lines, stacks, sparks; and legends. */
import { byId, color, element } from "./dom.ts";
import { history, KEEP, type Point } from "./history.ts";
import { STEP_MS } from "./metrics.ts";

type Value = (point: Point) => number | null;
export interface Row {
  name: string;
  color: string;
  of: Value;
  now: string; // in the legend
  wide?: boolean;
  dashed?: boolean;
}
interface Sheet {
  pen: CanvasRenderingContext2D;
  width: number;
  height: number;
  em: number;
}
interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A canvas as large as it is shown, cleared. */
export function sheet(canvas: HTMLCanvasElement): Sheet {
  const scale = devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, width * scale);
  canvas.height = Math.max(1, height * scale);
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  pen.scale(scale, scale);
  return { pen, width, height, em: parseFloat(getComputedStyle(document.documentElement).fontSize) };
}

/** A round number at or above. */
function ceiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999) ?? value;
}

/** What the width shows: all that is known, between two minutes and ten. */
function span(): number {
  return Math.min(STEP_MS * KEEP, Math.max(120_000, Date.now() - (history[0]?.at ?? 0)));
}
const place = (at: number, left: number, width: number): number =>
  left + width - ((Date.now() - at) / span()) * width;

function frame({ pen, width, height, em }: Sheet, top: number, label: (value: number) => string): Area {
  const area = { left: em * 5.4, top: em * 0.9, width: width - em * 6.2, height: height - em * 2.9 };
  pen.font = `${em * 1.25}px system-ui, "DejaVu Sans", sans-serif`;
  pen.fillStyle = color("dim");
  pen.strokeStyle = color("line");
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (let part = 0; part <= 2; part++) {
    const y = area.top + area.height * (1 - part / 2);
    pen.beginPath();
    pen.moveTo(area.left, y);
    pen.lineTo(area.left + area.width, y);
    pen.stroke();
    pen.fillText(label((top * part) / 2), area.left - em * 0.5, y);
  }
  pen.textBaseline = "top";
  const minute = (area.width * 60_000) / span();
  const every = [1, 2, 5].find((step) => step * minute > em * 11) ?? 10;
  for (let minutes = 0; minutes * 60_000 <= span(); minutes += every) {
    const x = area.left + area.width - minutes * minute;
    pen.textAlign = minutes === 0 ? "right" : x < area.left + em * 3 ? "left" : "center";
    pen.fillText(minutes ? `${minutes} min ago` : "now", x, area.top + area.height + em * 0.4);
  }
  return area;
}

export function lines(canvas: HTMLCanvasElement, rows: Row[], label: (value: number) => string): void {
  const paper = sheet(canvas);
  const { pen } = paper;
  const top = ceiling(Math.max(...rows.flatMap((row) => history.map((point) => row.of(point) ?? 0))));
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
      if (value === null) {
        down = false;
        continue;
      }
      const x = place(point.at, area.left, area.width);
      const y = area.top + area.height * (1 - Math.min(1, value / top));
      if (down) pen.lineTo(x, y);
      else {
        pen.moveTo(x, y);
        pen.lineTo(x + 1, y);
      }
      down = true;
    }
    pen.stroke();
  }
}

export function stack(canvas: HTMLCanvasElement, rows: Row[], label: (value: number) => string): void {
  const paper = sheet(canvas);
  const whole = (point: Point) => rows.reduce((height, row) => height + (row.of(point) ?? 0), 0);
  const top = ceiling(Math.max(0, ...history.map(whole)));
  const area = frame(paper, top, label);
  const step = (area.width * STEP_MS) / span();
  for (const point of history) {
    let below = 0;
    const x = place(point.at, area.left, area.width) - step;
    for (const row of rows) {
      const value = row.of(point) ?? 0;
      const high = (area.height * value) / top;
      paper.pen.fillStyle = row.color;
      paper.pen.fillRect(x, area.top + area.height - (area.height * below) / top - high, step + 0.6, high);
      below += value;
    }
  }
}

export function spark(canvas: HTMLCanvasElement, of: Value): void {
  const { pen, width, height } = sheet(canvas);
  const top = Math.max(1e-9, ...history.map((point) => of(point) ?? 0)) * 1.15;
  pen.beginPath();
  pen.moveTo(place(history[0]?.at ?? 0, 0, width), height);
  for (const point of history) pen.lineTo(place(point.at, 0, width), height * (1 - (of(point) ?? 0) / top));
  pen.lineTo(width, height);
  pen.closePath();
  pen.fillStyle = color("c0");
  pen.globalAlpha = 0.55;
  pen.fill();
}

export function legend(id: string, rows: Pick<Row, "name" | "color" | "now">[]): void {
  byId(id).replaceChildren(...rows.map((row) => {
    const item = element("span");
    const swatch = element("span", "swatch");
    swatch.style.background = row.color;
    item.append(swatch, `${row.name} `, element("b", "", row.now));
    return item;
  }));
}
