namespace Ardir.Distillation;

/// <summary>Training ended because its loss, its weights or the student's logits became NaN or infinite. The message names the epoch and
/// what helps; the checkpoint before is intact.</summary>
public sealed class TrainingDivergedException : InvalidOperationException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What became non-finite, and what to do.</param>
    /// <param name="innerException">The failure that followed from it, if there was one.</param>
    public TrainingDivergedException(string message, Exception? innerException = null) : base(message, innerException)
    {
    }
}
