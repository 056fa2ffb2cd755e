using Ardir.Attacks;

namespace Ardir.Samples;

/// <summary>Follows the evaluations of the table, one after the other.</summary>
/// <param name="line">Shows them.</param>
/// <param name="clock">Says how long the whole job still takes.</param>
/// <param name="images">Images of each evaluation.</param>
/// <param name="costs">What each evaluation costs, in any unit.</param>
internal sealed class MeasureTracker(JobLine line, StageClock clock, int images, IReadOnlyList<double> costs)
    : IProgress<int>, IProgress<AttackProgress>
{
    private string _title = "";
    private int _evaluation = -1;
    private double _share;

    /// <summary>The next evaluation.</summary>
    public void Next(string title)
    {
        (_title, _evaluation) = (title, _evaluation + 1);
        Report(0);
    }

    /// <summary>The evaluation is over.</summary>
    /// <param name="result">What came of it.</param>
    public void Done(string result) => line.Reached(_share, _title, $"{_title}: {result}{clock.After(_share, settled: true)}");

    /// <summary>Images done.</summary>
    public void Report(int value)
    {
        _share = Math.Min((costs.Take(_evaluation).Sum() + costs[_evaluation] * value / images) / costs.Sum(), 1);
        clock.After(_share, settled: true);
    }

    /// <summary>Steps of an attack on a batch.</summary>
    public void Report(AttackProgress value) =>
        line.Step(_share, $"{_title}: step {value.Step}/{value.Steps}", clock.After(_share, settled: true));
}
