using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>A report as JSON: everything but the images. The schema is in docs/report-schema.md.</summary>
internal static partial class JsonReport
{
    public const int SchemaVersion = 1;

    public static void Save(RobustnessReport report, string path)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(Describe(report), ReportJson.Default.Document);
        AtomicFile.Write(path, stream => stream.Write(json));
    }

    public static Document Read(string path) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(path), ReportJson.Default.Document) ?? throw new JsonException($"{path} holds null.");

    public static Document Describe(RobustnessReport report) => new()
    {
        Schema = SchemaVersion,
        Library = typeof(RobustnessReport).Assembly.GetName().Version!.ToString(),
        Norm = report.Threat is NormThreatModel ball ? ball.Norm.ToString() : report.Threat.ToString(),
        Epsilon = report.Threat.Epsilon,
        Version = report.Version.ToString(),
        Seed = report.Seed,
        ContextSeed = report.ContextSeed,
        Model = report.Data.Model,
        Images = report.Count,
        CleanAccuracy = report.CleanAccuracy,
        RobustAccuracy = report.RobustAccuracy,
        ConfidenceInterval = [report.ConfidenceInterval.Low, report.ConfidenceInterval.High],
        Attacks = [.. report.Attacks],
        GivesUp = [.. report.Data.GivesUp],
        SearchPrecision = report.Data.SearchPrecision == SearchPrecision.Full ? null : $"{report.Data.SearchPrecision}",
        SquareSample = report.SquareSample,
        Findings = [.. report.Findings],
        SecurityCurve = [.. report.Data.SecurityCurve.Select(point => new[] { point.Epsilon, point.RobustAccuracy })],
        BudgetCurve = [.. BudgetCurve.ByAttack(report).Select(part => new Budget
        {
            Attack = part.Attack,
            Points = [.. part.Points.Select(point => new[] { point.SampleEvaluations, point.RobustAccuracy })],
        })],
        Correct = [.. report.Correct],
        Robust = [.. report.Robust],
        BrokenBy = [.. report.BrokenBy],
        Predictions = [.. report.Predictions],
    };

    internal sealed record Budget
    {
        public required string Attack { get; init; }

        public required List<double[]> Points { get; init; }
    }

    internal sealed record Document
    {
        public required int Schema { get; init; }

        public required string Library { get; init; }

        public required string Norm { get; init; }

        public required double Epsilon { get; init; }

        public required string Version { get; init; }

        public required ulong Seed { get; init; }

        public required ulong ContextSeed { get; init; }

        public required string Model { get; init; }

        public required int Images { get; init; }

        public required double CleanAccuracy { get; init; }

        public required double RobustAccuracy { get; init; }

        public required double[] ConfidenceInterval { get; init; }

        public required List<AttackSummary> Attacks { get; init; }

        // Absent from reports of before there was such a rule.
        public List<string> GivesUp { get; init; } = [];

        // Absent where it was the model's own.
        public string? SearchPrecision { get; init; }

        public SquareSample? SquareSample { get; init; }

        public required List<EvaluationFinding> Findings { get; init; }

        public required List<double[]> SecurityCurve { get; init; }

        // Absent from reports of before it was measured.
        public List<Budget> BudgetCurve { get; init; } = [];

        public required bool[] Correct { get; init; }

        public required bool[] Robust { get; init; }

        public required List<string?> BrokenBy { get; init; }

        public required long[] Predictions { get; init; }
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(Document))]
    private sealed partial class ReportJson : JsonSerializerContext;
}
