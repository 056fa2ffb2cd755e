namespace Ardir.Core;

/// <summary>How <see cref="ImageDataset.ImageFolder"/> turns pictures into one tensor.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>3 for RGB; 1 for grey, which is 0.299 R + 0.587 G + 0.114 B for coloured pictures. Transparency is ignored.</summary>
    /// <value>3 by default.</value>
    public int Channels { get; init; } = 3;

    /// <summary>
    /// Height to resize to (bilinear, antialiased), together with <see cref="Width"/>; null to leave pictures in their original size, which
    /// must then be the same for all.
    /// </summary>
    /// <value>null by default.</value>
    public int? Height { get; init; }

    /// <summary>Width to resize to, together with <see cref="Height"/>.</summary>
    /// <value>null by default.</value>
    public int? Width { get; init; }

    internal void Validate()
    {
        if (Channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(Channels), Channels, "Channels must be 1 (grey) or 3 (RGB).");
        if (Height is null != Width is null)
            throw new ArgumentException("Height and Width must be given both or not at all.", nameof(Height));
        if (Height < 1) throw new ArgumentOutOfRangeException(nameof(Height), Height, "Height must be at least 1.");
        if (Width < 1) throw new ArgumentOutOfRangeException(nameof(Width), Width, "Width must be at least 1.");
        if ((long?)Height * Width > PictureFile.MaxPixels)
            throw new ArgumentOutOfRangeException(
                nameof(Height),
                Height,
                $"Height and Width make pictures of {(long?)Height * Width} pixels; at most {PictureFile.MaxPixels} are possible.");
    }
}
