namespace Ardir.Attacks;

/// <summary>Adds to what an attack reports from within a batch how far the evaluation is, so that a bar moves while one unit runs for an hour.</summary>
/// <param name="outer">Told everything.</param>
/// <param name="forwards">Samples passed forward before the batch.</param>
/// <param name="backwards">Samples passed backward before the batch.</param>
/// <param name="planned">What the batch costs if every image resists, forward and backward together.</param>
/// <param name="rest">What comes after it, likewise.</param>
internal sealed class BatchProgress(IProgress<AttackProgress> outer, long forwards, long backwards, double planned, double rest) : IProgress<AttackProgress>
{
    private double _spent;

    public void Report(AttackProgress value)
    {
        // The highest: an attack made of several counts from zero for each.
        _spent = Math.Clamp(value.SampleForwards + value.SampleBackwards, _spent, planned);
        outer.Report(value with
        {
            SampleForwards = forwards + value.SampleForwards,
            SampleBackwards = backwards + value.SampleBackwards,
            Fraction = (forwards + backwards + _spent) / Math.Max(forwards + backwards + planned + rest, 1),
            Evaluation = null,   // of an ensemble within the ensemble
        });
    }
}
