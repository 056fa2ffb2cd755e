using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>Collects the findings of an evaluation and logs each one at once.</summary>
internal sealed class FindingList(ILogger logger)
{
    private readonly List<EvaluationFinding> _findings = [];

    /// <summary>All findings, in the order of their kinds.</summary>
    public List<EvaluationFinding> Sorted => [.. _findings.OrderBy(finding => finding.Kind)];

    public void Add(FindingKind kind, string message, int? images = null)
    {
        _findings.Add(new EvaluationFinding(kind, message) { Images = images });
        EvaluationLog.Finding(logger, kind, message);
    }
}
