-- The page shows a figure at one scale whatever its width, so that the letters of all are of one size; and tells those
-- who do not see it what it shows, where Quarto would not.
local SCALE = 1.3 -- letters of 9 points beside text of 17 pixels

function Image(image)
  if not FORMAT:match("html") then
    return nil
  end
  local file = io.open(image.src, "rb")
  local size = file and pandoc.image and pandoc.image.size(file:read("a"))
  if file then
    file:close()
  end
  if size and not image.attributes.width then
    image.attributes.width = string.format("%.2fin", SCALE * size.width / size.dpi_horz)
  end
  if quarto and not image.attributes["fig-alt"] then
    image.attributes["fig-alt"] = pandoc.utils.stringify(image.caption)
  end
  return image
end
