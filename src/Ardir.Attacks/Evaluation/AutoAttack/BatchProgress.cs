namespace Ardir.Attacks;

/// <summary>Adds the progress of the whole evaluation to what an attack reports from within a batch, so that a progress bar moves even
/// while one unit runs for an hour.</summary>
/// <param name="outer">Receives every report.</param>
/// <param name="forwards">Samples passed forward before the batch.</param>
/// <param name="backwards">Samples passed backward before the batch.</param>
/// <param name="planned">Samples that the batch passes forward and backward together if every image resists.</param>
/// <param name="rest">The same for everything after the batch.</param>
internal sealed class BatchProgress(IProgress<AttackProgress> outer, long forwards, long backwards, double planned, double rest)
    : IProgress<AttackProgress>
{
    private double _spent;

    public void Report(AttackProgress value)
    {
        // The maximum so far, because an attack that consists of several attacks counts from zero for each of them.
        _spent = Math.Clamp(value.SampleForwards + value.SampleBackwards, _spent, planned);
        outer.Report(value with
        {
            SampleForwards = forwards + value.SampleForwards,
            SampleBackwards = backwards + value.SampleBackwards,
            Fraction = (forwards + backwards + _spent) / Math.Max(forwards + backwards + planned + rest, 1),
            Evaluation = null,   // drops what an ensemble nested in this one reports about itself
        });
    }
}
