-- SDSS's spectroscopic sample with the measurements behind the 85 features: galaxies, stars and quasars whose spectrum
-- was fitted without a warning and whose photometry is clean. SpecObj holds the best spectrum of each object,
-- PhotoPrimary its best image. objID is packed from run, camera column, field and number, so that in its order objects
-- come field by field, and `objID > the last one` asks for the next page. Photoz is SDSS's own estimate; not all have
-- one. `class` stands last: a row that is cut short cannot end in a class. SkyServer refuses URLs with more than 2,048
-- characters of query, hence no prefix where a name is unique.
SELECT TOP {top}
  p.objID, p.run, p.rerun, p.camcol, p.field, p.ra, p.dec, s.z, s.zErr, s.zWarning, h.z AS photoz, h.zErr AS photozErr,
  modelMag_u, modelMagErr_u, psfMag_u, psfMagErr_u, fiberMag_u, fiberMagErr_u, cModelMag_u, cModelMagErr_u,
  petroMag_u, petroMagErr_u, petroRad_u, expRad_u, deVRad_u, fracDeV_u, expAB_u, deVAB_u, q_u, u_u, extinction_u,
  modelMag_g, modelMagErr_g, psfMag_g, psfMagErr_g, fiberMag_g, fiberMagErr_g, cModelMag_g, cModelMagErr_g,
  petroMag_g, petroMagErr_g, petroRad_g, expRad_g, deVRad_g, fracDeV_g, expAB_g, deVAB_g, q_g, u_g, extinction_g,
  modelMag_r, modelMagErr_r, psfMag_r, psfMagErr_r, fiberMag_r, fiberMagErr_r, cModelMag_r, cModelMagErr_r,
  petroMag_r, petroMagErr_r, petroRad_r, expRad_r, deVRad_r, fracDeV_r, expAB_r, deVAB_r, q_r, u_r, extinction_r,
  modelMag_i, modelMagErr_i, psfMag_i, psfMagErr_i, fiberMag_i, fiberMagErr_i, cModelMag_i, cModelMagErr_i,
  petroMag_i, petroMagErr_i, petroRad_i, expRad_i, deVRad_i, fracDeV_i, expAB_i, deVAB_i, q_i, u_i, extinction_i,
  modelMag_z, modelMagErr_z, psfMag_z, psfMagErr_z, fiberMag_z, fiberMagErr_z, cModelMag_z, cModelMagErr_z,
  petroMag_z, petroMagErr_z, petroRad_z, expRad_z, deVRad_z, fracDeV_z, expAB_z, deVAB_z, q_z, u_z, extinction_z,
  s.class
FROM PhotoPrimary p
  JOIN SpecObj s ON s.bestObjID = p.objID
  LEFT JOIN Photoz h ON h.objID = p.objID
WHERE p.objID > {after} AND s.zWarning = 0 AND p.clean = 1 AND s.class IN ('GALAXY', 'STAR', 'QSO') {where}
ORDER BY p.objID
