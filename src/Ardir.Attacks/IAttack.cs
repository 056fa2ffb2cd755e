using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Searches a threat set for images that a model misclassifies. Implementations are immutable and may be shared between
/// threads.</summary>
public interface IAttack
{
    /// <summary>Short name for tables, such as <c>PGD-20</c>.</summary>
    string Name { get; }

    /// <summary>What the attack may do to an image.</summary>
    ThreatModel Threat { get; }

    /// <summary>Whether the attack may use everything that <see cref="Threat"/> allows. An attack that may do less (change a patch only, or
    /// rotate within the ball) returns false; it is then not expected to break every image that FGSM breaks.</summary>
    /// <value>true by default.</value>
    bool CoversThreat => true;

    /// <summary>Perturbs every image. The model runs in eval mode, and each of its modules gets its previous mode back, also after an
    /// exception; its parameters receive no gradient. The mode of an <c>IModule</c> that is not an <c>nn.Module</c> cannot be read or set:
    /// put what it wraps into eval mode yourself. Do the same before several threads attack one model.</summary>
    /// <param name="model">Takes inputs like these and returns logits [N,K]. Normalisation belongs inside it.</param>
    /// <param name="images">Clean inputs, floating point [N,...] (images are [N,C,H,W]) within the bounds of the threat model, [0,1] for
    /// norm balls. Not changed.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <param name="context">Seed, targets, cancellation, logging and progress; all defaults when null.</param>
    /// <returns>Images inside the threat set, on the device and in the dtype of <paramref name="images"/>, owned by the caller (and by the
    /// caller's dispose scope, if there is one).</returns>
    /// <exception cref="ArgumentException">Wrong dtype, shape, range or device, NaN, or an empty batch; checked before any
    /// work.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: NaN, a wrong shape, or an output that does not depend on its
    /// input.</exception>
    /// <exception cref="NativeArgumentFreedException">TorchSharp let the garbage collector free an argument that a native call was still
    /// reading; see there.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null);
}
