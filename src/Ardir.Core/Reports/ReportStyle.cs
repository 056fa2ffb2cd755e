namespace Ardir.Core;

/// <summary>
/// The style sheet of <see cref="HtmlReport"/>. Series colours have a contrast of at least 3:1 to the page in both themes.
/// </summary>
internal static class ReportStyle
{
    private const string Fonts = "system-ui, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif";
    private const string Quiet = "font-weight: 600; color: var(--quiet);";
    private const string CellPadding = "padding: 6px 20px 6px 0;";
    private const string KeepLines = "white-space: pre-line; overflow-wrap: anywhere;";

    // An outline in the colour of the page keeps text readable on top of lines.
    private const string Outline = "paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round;";

    public const string Css =
        $$"""
        :root { color-scheme: light dark; --page: #fff; --text: #1d232b; --quiet: #5a6472; --rule: #e3e7ec; --base: #8a94a2;
          --c0: #1f5fbf; --c1: #c2501b; --c2: #1a7f5a; --c3: #8a4fa3; --c4: #946500; --c5: #0f7c93; --c6: #b83b72; --c7: #5b6470; }
        @media (prefers-color-scheme: dark) { :root { --page: #14181d; --text: #e4e8ed; --quiet: #9ba6b4; --rule: #2b323b; --base: #677280;
          --c0: #7fb0ff; --c1: #ff9a6b; --c2: #5ccf9f; --c3: #cf9fe6; --c4: #e0b84d; --c5: #5fc9df; --c6: #ff8dbb; --c7: #b4bcc8; } }
        body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 {{Fonts}}; }
        main { max-width: 840px; margin: 0 auto; padding: 40px 24px 72px; }
        h1 { font-size: 1.75rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; margin: 0 0 1rem; }
        h2 { font-size: 1.2rem; line-height: 1.3; font-weight: 650; margin: 2.4rem 0 0.6rem; }
        p { margin: 0 0 1rem; max-width: 68ch; white-space: pre-line; }
        .wide { overflow-x: auto; margin: 1rem 0 1.5rem; }
        table { border-collapse: collapse; font-size: 0.925rem; font-variant-numeric: tabular-nums; }
        .data { min-width: 50%; }
        .data th { text-align: left; {{Quiet}} border-bottom: 1px solid var(--base); {{CellPadding}} white-space: nowrap; }
        .data td { border-bottom: 1px solid var(--rule); {{CellPadding}} vertical-align: top; }
        .data .number { text-align: right; white-space: nowrap; }
        .data th:last-child, .data td:last-child { padding-right: 0; }
        figure { margin: 1.2rem 0 1.8rem; break-inside: avoid; }
        .title { font-weight: 600; margin-bottom: 0.5rem; }
        .chart { display: block; width: 100%; height: auto; font-size: 13px; }
        .chart text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
        .chart .label { fill: var(--text); font-weight: 600; {{Outline}} }
        .rule { stroke: var(--rule); fill: none; }
        .base { stroke: var(--base); fill: none; }
        .guide { stroke: var(--base); fill: none; stroke-dasharray: 2 4; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .line.error { stroke-width: 1.2; }
        .mark { fill: none; stroke: var(--text); stroke-width: 2; }
        .line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); } .line.c3 { stroke: var(--c3); }
        .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); } .line.c6 { stroke: var(--c6); } .line.c7 { stroke: var(--c7); }
        .dot.c0 { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); } .dot.c3 { fill: var(--c3); }
        .dot.c4 { fill: var(--c4); } .dot.c5 { fill: var(--c5); } .dot.c6 { fill: var(--c6); } .dot.c7 { fill: var(--c7); }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0.5rem 0 0; padding: 0; font-size: 0.875rem; }
        .legend li { display: flex; align-items: center; gap: 8px; }
        .pictures th { {{Quiet}} padding: 4px 12px 4px 0; text-align: left; }
        .pictures tbody th { color: var(--text); vertical-align: top; padding: 12px 16px 0 0; }
        .pictures td { padding: 8px 12px 8px 0; vertical-align: top; }
        .pictures tr { break-inside: avoid; }
        .pictures img { display: block; image-rendering: pixelated; border: 1px solid var(--rule); }
        .caption { font-size: 0.8125rem; line-height: 1.35; color: var(--quiet); margin-top: 4px; {{KeepLines}} }
        @media print { main { max-width: none; padding: 0; } .wide { overflow: visible; } }
        """;
}
