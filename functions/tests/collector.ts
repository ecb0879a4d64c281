import { until } from "../../tests/support/until.ts";

/** A span as a collector gets it. */
export interface ReceivedSpan {
  /** Who made it. */
  readonly scope: string;
  /** Its name. */
  readonly name: string;
  /** The `service.name` of its process. */
  readonly service: string;
  /** Which trace it belongs to. */
  readonly traceId: string;
  /** Its own id. */
  readonly spanId: string;
  /** The span that it is inside of; empty at the root. */
  readonly parentSpanId: string;
  /** When it began and ended, in milliseconds since 1970. */
  readonly from: number;
  /** When it ended. */
  readonly to: number;
  /** What a span says of it. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A small OpenTelemetry collector: OTLP over HTTP, JSON. */
export interface Collector extends AsyncDisposable {
  /** The variables by which a program sends to it. */
  readonly env: Readonly<Record<string, string>>;
  /** What has come. */
  readonly spans: readonly ReceivedSpan[];
  /** The spans, once there are some of which that holds. */
  until(holds: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Body {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes?: readonly Attribute[];
      }[];
    }[];
  }[];
}

function valuesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

function spansIn({ resourceSpans = [] }: Body): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource?.attributes)["service.name"]);
    return scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        scope: scope?.name ?? "",
        name: span.name,
        service,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        from: Number(span.startTimeUnixNano) / 1e6,
        to: Number(span.endTimeUnixNano) / 1e6,
        attributes: valuesOf(span.attributes),
      }))
    );
  });
}

/** Starts a collector on a free port. */
export function startCollector(): Collector {
  const spans: ReceivedSpan[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (c) => {
    const body = await c.json() as Body;
    spans.push(...spansIn(body));
    return Response.json({});
  });
  return {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "100",
    },
    spans,
    async until(holds) {
      await until(() => holds(spans));
      return spans;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
