namespace Ardir.Core;

/// <summary>
/// A native call failed because TorchSharp let the garbage collector free a number that the call was reading. Neither the model nor the data are at fault, and what was being computed is lost;
/// nothing was tried again. <see cref="Exception.InnerException"/> is the failure as TorchSharp reported it.
/// </summary>
/// <remarks>The message says which MSBuild property of the program puts an end to it. With a TorchSharp that keeps its arguments alive this exception does not occur. A run with a checkpoint
/// directory or a state file goes on where it was when it is called again.</remarks>
public sealed class NativeArgumentFreedException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, and what to do.</param>
    /// <param name="innerException">The failure as it was reported.</param>
    public NativeArgumentFreedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
