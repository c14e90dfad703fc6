/**
 * The ratios as a chart: a dot for each comparison, on a logarithmic scale, and a mark where its goal is.
 */
import * as ECharts from "echarts"
import { ratio } from "./Print.ts"
import * as Results from "./Results.ts"
import { self } from "./Runner.ts"

const rowHeight = 18
const margins = { left: 400, right: 80, top: 60, bottom: 40 }

const colors = { met: "#2a9d8f", missed: "#c8553d", plain: "#8d99ae", goal: "#1d3557" }

const colorOf = (result: Results.Result): string => {
  const met = Results.met(result)
  return met === undefined ? colors.plain : met ? colors.met : colors.missed
}

/** Server-side rendering gives the SVG as text. */
export const svg = (all: ReadonlyArray<Results.Result>): string => {
  // Costs, where less is better, are in the table alone.
  const results = all.filter(({ rival, atMost }) => rival !== self && atMost === undefined)
  const height = margins.top + margins.bottom + results.length * rowHeight
  const chart = ECharts.init(null, null, { renderer: "svg", ssr: true, width: 960, height })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: {
      text: "effect-state : rival",
      subtext: "median ratio of throughput, logarithmic; more than 1 is faster; the dark mark is the goal",
      left: "center"
    },
    grid: margins,
    xAxis: { type: "log", min: 0.1, axisLabel: { formatter: (value: number) => `${value}x` } },
    yAxis: {
      type: "category",
      inverse: true,
      data: results.map(({ title, rival }) => `${title}: ${rival}`),
      axisLabel: { interval: 0, fontSize: 11 },
      axisTick: { show: false }
    },
    series: [
      {
        type: "scatter",
        symbolSize: 9,
        data: results.map((result, i) => ({ value: [result.ratio.median, i], itemStyle: { color: colorOf(result) } })),
        label: {
          show: true,
          position: "right",
          fontSize: 10,
          formatter: ({ dataIndex }: { readonly dataIndex: number }) =>
            ratio(results[dataIndex]?.ratio.median ?? Number.NaN)
        },
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { color: colors.plain, type: "solid" },
          label: { show: false },
          data: [{ xAxis: 1 }]
        }
      },
      {
        type: "scatter",
        symbol: "rect",
        symbolSize: [2, rowHeight - 4],
        itemStyle: { color: colors.goal },
        data: results.flatMap(({ atLeast }, i) => (atLeast === undefined ? [] : [[atLeast, i]]))
      }
    ]
  })
  const text = chart.renderToSVGString()
  chart.dispose()
  return `${text}\n`
}
