using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// What a network answered on the images that are about to be attacked, for a loss that would otherwise run it again: the teacher of
/// <see cref="AttackLoss.KlToTeacher"/>, usually. Pass it on as <see cref="AttackContext.Known"/>. It holds for this very network and this
/// very tensor of images, and for whatever part of them is still under attack; in an attack on other images it is not used.
/// </summary>
/// <example><code>
/// Tensor answer = teacher.call(images);
/// var context = new AttackContext { Known = [new KnownOutput(teacher, images, answer)] };
/// </code></example>
public sealed record KnownOutput
{
    /// <summary>States what a network answered.</summary>
    /// <param name="model">The network that the loss was made with.</param>
    /// <param name="images">The images that will be passed to the attack, [N,...].</param>
    /// <param name="logits">Its answer in eval mode, floating point [N,K]; treated as constants. The caller keeps ownership and disposes
    /// it no earlier than the attack has ended.</param>
    /// <exception cref="ArgumentException">There is not one row of logits for each image.</exception>
    public KnownOutput(IModule model, Tensor images, Tensor logits)
    {
        ArgumentNullException.ThrowIfNull(model);
        TensorGuard.Dense(images);
        TensorGuard.Floating(logits);
        if (logits.dim() != 2 || logits.shape[0] != images.shape[0])
        {
            throw new ArgumentException(
                $"logits has shape {TensorGuard.Shape(logits)} for {images.shape[0]} images; expected [{images.shape[0]},K].",
                nameof(logits));
        }
        (Model, Images, Logits) = (model, images, logits);
    }

    /// <summary>The network.</summary>
    public IModule Model { get; }

    /// <summary>The images, [N,...].</summary>
    public Tensor Images { get; }

    /// <summary>Its answer, [N,K].</summary>
    public Tensor Logits { get; }
}
