namespace Ardir.Core;

/// <summary>
/// A native call failed because TorchSharp let the garbage collector free a number that the call was reading. Neither the model nor the
/// data are at fault. The result of the computation is lost, and nothing was retried. <see cref="Exception.InnerException"/> is the
/// exception as TorchSharp reported it.
/// </summary>
/// <remarks>
/// The message names the MSBuild property of the program that prevents this. With a TorchSharp that keeps its arguments alive this
/// exception does not occur. A run with a checkpoint directory or a state file resumes where it stopped when it is called again.
/// </remarks>
public sealed class NativeArgumentFreedException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, and what to do.</param>
    /// <param name="innerException">The exception as TorchSharp reported it.</param>
    public NativeArgumentFreedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
